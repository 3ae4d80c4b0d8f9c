// The official Node client (`@voximplant/apiclient-nodejs`, 2.5.0 and 4.11.0) against the server, over HTTPS.
// A step is a name and a function; steps run in the order they are written. The lines printed are counted by run.py.

'use strict';

const fs = require('fs');
const path = require('path');
const util = require('util');
const Client = require('@voximplant/apiclient-nodejs').default;

const env = process.env;
const CREDENTIALS = path.join(env.SWITCHBOARD_STATE, 'voximplant.json');
const HOST = env.SWITCHBOARD_HTTPS_HOST;
const STORY = env.SWITCHBOARD_STORY.toLowerCase().replace(/\./g, '-');
const VERSION = env.SWITCHBOARD_CLIENT_VERSION;
const MODERN = Number(VERSION.split('.')[0]) >= 4;

const PASSWORD = 'Passw0rd!';
const UNKNOWN_ID = 2000000000;
const TIMESTAMP = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

// In the order in which they are made; by name the order is another.
const [ZOE, ANNA, BOB] = ['-zoe', '-anna', '_bob'].map((name) => STORY + name);
const DISPLAY_NAMES = { [ZOE]: 'Zoë & Co; 1+1=2', [ANNA]: 'Анна Ёлкина', [BOB]: '李小龍 100%' };
const CUSTOM_DATA = '{"k":"v=1&2"}; a+b = c & d; 100% Ж';
const made = { ids: {} };

const steps = [];
const step = (name, run) => steps.push({ name, run });
let current = 'start';

function check(label, good, detail) {
  const line = good ? `PASS ${current}: ${label}` : `FAIL ${current}: ${label} | ${detail}`;
  console.log(line.replace(/[\r\n]+/g, ' / '));
}

function equal(label, actual, expected) {
  const good = util.isDeepStrictEqual(actual, expected);
  check(label, good, `expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}

// 4.x takes an object, 2.x a path and a host. Either is usable only once it has read its file.
function connect(credentials) {
  const client = MODERN ? new Client({ pathToCredentials: credentials, host: HOST }) : new Client(credentials, HOST);
  return new Promise((ready) => { client.onReady = () => ready(client); });
}

// The call fails the way this client shows API errors: it resolves, with `error` and `errors`.
async function refused(label, code, call) {
  const answer = await call();
  equal(`${label} resolves with error code ${code}`, answer.error && answer.error.code, code);
  equal('error and errors say the same', answer.errors, [answer.error]);
  check('its message is a sentence', answer.error && /\.$/.test(answer.error.msg), JSON.stringify(answer));
}

let client;

async function listed(filters) {
  const answer = await client.Users.getUsers({ applicationId: made.applicationId, ...filters });
  return [answer.result.map((user) => user.userName), answer.count, answer.totalCount];
}

// 2.x turns the booleans of records into text, whatever the server sends.
const flag = (value) => (MODERN ? value : String(value));

step('client', async () => {
  const manifest = path.join(env.NODE_PATH, '@voximplant', 'apiclient-nodejs', 'package.json');
  equal('is the published version', JSON.parse(fs.readFileSync(manifest, 'utf8')).version, VERSION);
});

step('account info', async () => {
  const answer = await client.Accounts.getAccountInfo({});
  const account = answer.result;
  made.accountName = account.accountName;
  equal('account 1', account.accountId, 1);
  equal('balance 1000', account.balance, 1000);
  equal('currency', account.currency, 'USD');
  equal('active, not frozen', [account.active, account.frozen], [flag(true), flag(false)]);
  check('created is a timestamp', TIMESTAMP.test(account.created), account.created);
  equal('apiAddress is the host that was asked', answer.apiAddress, HOST);
  const byFlag = await client.Accounts.getAccountInfo({ returnLiveBalance: 'false' });
  equal('fixed balance too', byFlag.result && byFlag.result.balance, 1000);
});

step('unknown key', async () => {
  const credentials = JSON.parse(fs.readFileSync(CREDENTIALS, 'utf8'));
  credentials.key_id = '00000000-0000-4000-8000-000000000000';
  const folder = fs.mkdtempSync(path.join(require('os').tmpdir(), 'stranger-'));
  try {
    const file = path.join(folder, 'credentials.json');
    fs.writeFileSync(file, JSON.stringify(credentials));
    const stranger = await connect(file);
    await refused('a key the server does not know', 100, () => stranger.Accounts.getAccountInfo({}));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

step('add application', async () => {
  const answer = await client.Applications.addApplication({ applicationName: STORY });
  made.applicationId = answer.applicationId;
  made.applicationName = answer.applicationName;
  equal('result', answer.result, 1);
  check('id', Number.isInteger(answer.applicationId), JSON.stringify(answer));
  equal('full name', answer.applicationName, `${STORY}.${made.accountName}.voximplant.com`);
  equal('secureRecordStorage', answer.secureRecordStorage, false);
  const again = () => client.Applications.addApplication({ applicationName: STORY });
  await refused('the same name again', 129, again);
});

step('add users', async () => {
  const settings = {
    [ZOE]: { applicationId: made.applicationId },
    [ANNA]: {
      applicationId: made.applicationId, parentAccounting: true, userActive: true, userCustomData: CUSTOM_DATA,
    },
    // By the application's name, and with booleans as text, which the client passes on as they are.
    [BOB]: { applicationName: STORY, parentAccounting: 'false', userActive: 'false' },
  };
  for (const [userName, values] of Object.entries(settings)) {
    const user = { userName, userDisplayName: DISPLAY_NAMES[userName], userPassword: PASSWORD };
    const answer = await client.Users.addUser({ ...user, ...values });
    made.ids[userName] = answer.userId;
    equal('answer has result and userId', Object.keys(answer).sort(), ['result', 'userId']);
    equal('result', answer.result, 1);
  }
  const [zoe, anna, bob] = Object.values(made.ids);
  check('ids rise', Number.isInteger(zoe) && zoe < anna && anna < bob, JSON.stringify(made.ids));
});

step('list users', async () => {
  const { ids } = made;
  equal('all, by name', await listed({}), [[ANNA, ZOE, BOB], 3, 3]);
  equal('part of the name', await listed({ userName: '-ann' }), [[ANNA], 1, 1]);
  equal('part of the display name, in any case', await listed({ userDisplayName: 'ёЛКИН' }), [[ANNA], 1, 1]);
  equal('part of the display name with & ; + =', await listed({ userDisplayName: '& Co; 1+1=' }), [[ZOE], 1, 1]);
  equal('active', await listed({ userActive: true }), [[ANNA, ZOE], 2, 2]);
  equal('not active', await listed({ userActive: false }), [[BOB], 1, 1]);
  equal('one id', await listed({ userId: ids[BOB] }), [[BOB], 1, 1]);
  // The client takes no array here: the caller joins.
  equal('status', (await listed({ acdStatus: 'ONLINE;OFFLINE' }))[2], 3);
  equal('no match', await listed({ userName: 'nobody' }), [[], 0, 0]);
  equal('by id', await listed({ orderBy: 'user_id' }), [[ZOE, ANNA, BOB], 3, 3]);
  equal('a page', await listed({ orderBy: 'user_id', count: 1, offset: 1 }), [[ANNA], 1, 3]);
  equal('numbers as text', await listed({ orderBy: 'user_id', count: '2', offset: '0' }), [[ZOE, ANNA], 2, 3]);
  equal('past the end', await listed({ offset: 3 }), [[], 0, 3]);
  const byName = await client.Users.getUsers({ applicationName: made.applicationName });
  equal("by the application's full name", [byName.count, byName.totalCount], [3, 3]);
  // The typings insist on an application, the code does not.
  const wholeAccount = await client.Users.getUsers({ userName: STORY, count: 1000 });
  equal('without an application: the whole account', wholeAccount.totalCount, 3);
});

step('user record', async () => {
  const answer = await client.Users.getUsers({ applicationId: made.applicationId });
  const users = Object.fromEntries(answer.result.map((user) => [user.userName, user]));
  for (const name of [ZOE, ANNA, BOB]) {
    const user = users[name];
    equal(`id of ${name}`, user.userId, made.ids[name]);
    equal(`display name of ${name}`, user.userDisplayName, DISPLAY_NAMES[name]);
    // This client leaves moments as they came.
    const times = [user.created, user.modified];
    check(`times of ${name}`, times.every((time) => TIMESTAMP.test(time)), JSON.stringify(times));
    equal(`balances of ${name}`, [user.balance, user.liveBalance, user.fixedBalance], [0, 0, 0]);
    equal(`status of ${name}`, user.acdStatus, 'OFFLINE');
    check(`${name} has no acdStatusChangeTime yet`, !('acdStatusChangeTime' in user), JSON.stringify(user));
  }
  equal('custom data as it was sent', users[ANNA].userCustomData, CUSTOM_DATA);
  check('no custom data, no field', !('userCustomData' in users[ZOE]), JSON.stringify(users[ZOE]));
  for (const [name, value] of [[ZOE, true], [ANNA, true], [BOB, false]]) {
    const flags = [users[name].userActive, users[name].parentAccounting];
    equal(`flags of ${name}, or their defaults`, flags, [flag(value), flag(value)]);
  }
});

step('errors', async () => {
  const user = { userName: 'somebody', userDisplayName: 'Somebody', userPassword: PASSWORD };
  const add = (changes) => () => client.Users.addUser({ ...user, applicationId: made.applicationId, ...changes });
  await refused('a name that is taken', 118, add({ userName: ZOE }));
  await refused('a name in upper case', 122, add({ userName: 'Zoe' }));
  await refused('a weak password', 464, add({ userPassword: 'password' }));
  await refused('an unknown application id', 116, add({ applicationId: UNKNOWN_ID }));
  const list = () => client.Users.getUsers({ applicationId: UNKNOWN_ID });
  await refused('a list of an unknown application', 116, list);
  equal('nobody was added by them', (await listed({}))[2], 3);
  const answer = await add({ userName: ZOE })();
  equal('an error has its three keys', Object.keys(answer.error).sort(), ['code', 'field_name', 'msg']);
  equal('field_name', answer.error.field_name, 'user_name');
});

step('generic request', async () => {
  // Without mappers the client's own generic function passes names and answers as they are.
  await refused('an unknown method', 103, () => client.makeRequest('NoSuchMethod', {}, [[], []]));
  const request = { application_id: made.applicationId, count: 1 };
  const answer = await client.makeRequest('GetUsers', request, [[], []]);
  equal('a method by hand', [answer.count, answer.total_count], [1, 3]);
});

// The client throws outside any promise when it cannot read its file.
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => {
    check('no surprise', false, error && error.stack);
    process.exit(1);
  });
}

(async () => {
  client = await connect(CREDENTIALS);
  for (const { name, run } of steps) {
    current = name;
    try {
      await run();
    } catch (error) {
      // A rejection means a status other than 200: never an API error's form.
      const reply = error.response ? ` ${error.response.status} ${JSON.stringify(error.response.data)}` : '';
      check('no surprise', false, error.stack + reply);
    }
  }
  console.log('END');
})();
