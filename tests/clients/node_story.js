// The official Node client (`@voximplant/apiclient-nodejs`, 2.5.0 and 4.11.0) against the server, over HTTPS.
// A whole life: application, users, skills, queues, money, history, and everything deleted again.
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
const [ZOE, ANNA, BOB] = ['-zoe', '-anna', '-zy_bob'].map((name) => STORY + name);
const DISPLAY_NAMES = { [ZOE]: 'Zoë & Co; 1+1=2', [ANNA]: 'Анна Ёлкина', [BOB]: '李小龍 100%' };
const CUSTOM_DATA = '{"k":"v=1&2"}; a+b = c & d; 100% Ж';
const SKILLS = [`${STORY} Русский & Co`, `${STORY} sales`];
const [BY_HAND, BY_SKILL] = [`${STORY} by hand`, `${STORY} by skill`];
const made = { ids: {}, skills: [], queues: {} };

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

// Names only, of a list whose counts agree with it.
async function byFilter(filters) {
  const [names, count, totalCount] = await listed(filters);
  equal(`counts of ${JSON.stringify(filters)}`, [count, totalCount], [names.length, names.length]);
  return names;
}

// 4.x has no method for it: there the client's generic function, which passes names and answers as they are.
function transfer(request) {
  if (!MODERN) return client.Users.transferMoneyToUser(request);
  const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const fields = Object.entries(request).map(([name, value]) => [snake(name), String(value).replace(/,/g, ';')]);
  return client.makeRequest('TransferMoneyToUser', Object.fromEntries(fields), [[], []]);
}

// Of the account, and of the users in the order in which they were made.
async function balances() {
  const account = await client.Accounts.getAccountInfo({});
  const users = await client.Users.getUsers({ applicationId: made.applicationId, orderBy: 'user_id' });
  for (const { balance, liveBalance, fixedBalance } of users.result) {
    equal('the three balances of a user are one', [liveBalance, fixedBalance], [balance, balance]);
  }
  return [account.result.balance, ...users.result.map((user) => user.balance)];
}

// A moment as it came, in UTC and not long ago.
function recent(text) {
  return TIMESTAMP.test(text) && Math.abs(Date.now() - Date.parse(`${text.replace(' ', 'T')}Z`)) < 600000;
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
  check('created is a moment in UTC', recent(account.created), account.created);
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
    check(`times of ${name}`, times.every(recent), JSON.stringify(times));
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

step('applications', async () => {
  const answer = await client.Applications.getApplications({ applicationId: made.applicationId });
  const [application] = answer.result;
  equal('one by id', [answer.count, answer.totalCount], [1, 1]);
  equal('its full name', application.applicationName, made.applicationName);
  equal('secureRecordStorage', application.secureRecordStorage, flag(false));
  check('modified is a moment in UTC', recent(application.modified), application.modified);
  const byPart = await client.Applications.getApplications({ applicationName: STORY.toUpperCase() });
  equal('by part of the name, in any case', byPart.result.map((found) => found.applicationId), [made.applicationId]);
});

step('skills', async () => {
  const { ids, skills } = made;
  for (const skillName of SKILLS) {
    const answer = await client.Skills.addSkill({ skillName });
    equal('answer has result and skillId', Object.keys(answer).sort(), ['result', 'skillId']);
    skills.push(answer.skillId);
  }
  await refused("a skill's name that is taken", 221, () => client.Skills.addSkill({ skillName: SKILLS[1] }));
  const bind = (request) => client.Skills.bindSkill(request);
  equal('bind by ids', await bind({ skillId: skills, userId: [ids[ZOE], ids[ANNA]] }), { result: 1 });
  const byName = await bind({ skillName: SKILLS[1], userName: BOB, applicationName: STORY, bind: true });
  equal('bind by names', byName, { result: 1 });
  equal('take one back', await bind({ skillId: skills[1], userId: ids[ZOE], bind: false }), { result: 1 });
  await refused('an unknown skill', 222, () => bind({ skillId: UNKNOWN_ID, userId: ids[ZOE] }));
  await refused('an unknown user', 117, () => bind({ skillId: skills[1], userId: [ids[ZOE], UNKNOWN_ID] }));
  const answer = await client.Skills.getSkills({ skillName: STORY });
  const shown = skills.map((skillId, n) => ({ skillId, skillName: SKILLS[n] }));
  equal('both are listed', [answer.result, answer.count, answer.totalCount], [shown, 2, 2]);
});

step('queues', async () => {
  const { applicationId, ids, queues, skills } = made;
  const settings = {
    acdQueueName: BY_HAND, applicationId, acdQueuePriority: 5, serviceProbability: 0.75, maxQueueSize: 10,
    maxWaitingTime: 3, averageServiceTime: 60,
  };
  const add = (request) => client.Queues.addQueue(request);
  const answer = await add({ ...settings, autoBinding: false });
  equal('answer has result and acdQueueId', Object.keys(answer).sort(), ['acdQueueId', 'result']);
  queues[BY_HAND] = answer.acdQueueId;
  queues[BY_SKILL] = (await add({ acdQueueName: BY_SKILL, applicationName: STORY })).acdQueueId;
  await refused("a queue's name that is taken", 219, () => add({ acdQueueName: BY_SKILL, applicationId }));
  const impossible = () => add({ acdQueueName: 'x', applicationId, serviceProbability: 0.4 });
  await refused('an impossible probability', 214, impossible);
  const bind = (request) => client.Queues.bindUserToQueue({ applicationId, acdQueueId: queues[BY_HAND], ...request });
  equal('bind users by ids', await bind({ bind: true, userId: [ids[ANNA], ids[BOB]] }), { result: 1 });
  equal('bind a user by name', await bind({ bind: 'true', userName: ZOE }), { result: 1 });
  equal('take one back', await bind({ bind: false, userId: ids[ANNA] }), { result: 1 });
  await refused('an unknown user', 117, () => bind({ bind: true, userId: [UNKNOWN_ID] }));
  const skill = await client.Skills.bindSkill({ skillId: skills[0], acdQueueName: BY_SKILL, applicationId });
  equal('bind a skill to a queue', skill, { result: 1 });
  const list = await client.Queues.getQueues({ applicationId, withSkills: true, withOperatorcount: true });
  equal('counts', [list.count, list.totalCount], [2, 2]);
  const [hand, auto] = list.result;
  const { created, modified, ...rest } = hand;
  const expected = { ...settings, acdQueueId: queues[BY_HAND], autoBinding: flag(false), skills: [], operatorcount: 2 };
  equal('as it was made', rest, expected);
  check('times are moments in UTC', recent(created) && recent(modified), JSON.stringify(hand));
  equal('defaults', [auto.acdQueuePriority, auto.autoBinding, auto.serviceProbability], [100, flag(true), 1]);
  equal('its skill', auto.skills, [{ skill_id: skills[0], skill_name: SKILLS[0] }]);
  equal('who has the skill serves it', auto.operatorcount, 2);
  check('not set, not there', !('maxQueueSize' in auto), JSON.stringify(auto));
  const bySkill = await client.Queues.getQueues({ applicationId, skillId: skills[0] });
  equal('by skill', bySkill.result.map((queue) => queue.acdQueueId), [queues[BY_SKILL]]);
});

step('filters', async () => {
  const { applicationId, ids, queues, skills: [russian, sales] } = made;
  const [byHand, bySkill] = [queues[BY_HAND], queues[BY_SKILL]];
  equal('with a skill', await byFilter({ skillId: sales }), [ANNA, BOB]);
  equal('without a skill', await byFilter({ excludedSkillId: sales }), [ZOE]);
  equal('with one, without the other', await byFilter({ skillId: sales, excludedSkillId: russian }), [BOB]);
  equal('of a queue', await byFilter({ acdQueueId: byHand }), [ZOE, BOB]);
  equal('of a queue by skill', await byFilter({ acdQueueId: bySkill }), [ANNA, ZOE]);
  equal('not of a queue', await byFilter({ excludedAcdQueueId: byHand }), [ANNA]);
  equal('of both kinds', await byFilter({ acdQueueId: byHand, skillId: russian, userActive: true }), [ZOE]);
  const byStatus = await byFilter({ acdStatus: 'OFFLINE', skillId: sales, userDisplayName: 'ёлк' });
  equal('by status', byStatus, [ANNA]);
  equal('nobody is online', await byFilter({ acdStatus: 'ONLINE;READY;DND' }), []);
  equal("one id and another's name", await byFilter({ userId: ids[ZOE], userName: 'anna' }), []);
  equal('a page of a filter', await listed({ skillId: sales, count: 1, offset: 1 }), [[BOB], 1, 2]);
  equal('by display name', (await listed({ orderBy: 'user_display_name' }))[0], [ZOE, ANNA, BOB]);
  const list = (filter) => () => client.Users.getUsers({ applicationId, ...filter });
  await refused('an unknown skill', 222, list({ skillId: UNKNOWN_ID }));
  await refused('an unknown excluded skill', 224, list({ excludedSkillId: UNKNOWN_ID }));
  await refused('an unknown queue', 218, list({ acdQueueId: UNKNOWN_ID }));
  await refused('an unknown status', 227, list({ acdStatus: 'ONLINE;ASLEEP' }));
  await refused('an unknown order', 496, list({ orderBy: 'balance' }));
  const answer = await client.Users.getUsers({ applicationId, withSkills: true, withQueues: true });
  const users = Object.fromEntries(answer.result.map((user) => [user.userName, user]));
  const of = (field) => [ZOE, ANNA, BOB].map((name) => users[name][field]);
  // Records in records stay as they came.
  const shown = made.skills.map((id, n) => ({ skill_id: id, skill_name: SKILLS[n] }));
  equal('skills', of('skills'), [shown.slice(0, 1), shown, shown.slice(1)]);
  const link = (name, auto) => ({ acd_queue_id: queues[name], acd_queue_name: name, auto_link: auto });
  const [hand, skill] = [link(BY_HAND, false), link(BY_SKILL, true)];
  equal('queues, by hand and by skill', of('acdQueues'), [[hand, skill], [skill], [hand]]);
  const one = await list({ userId: ids[ANNA], withSkills: true, showingSkillId: sales })();
  equal('only one skill is shown', one.result[0].skills, shown.slice(1));
});

step('set user info', async () => {
  const { applicationId, ids } = made;
  const set = (request) => client.Users.setUserInfo(request);
  const byId = async () => {
    const answer = await client.Users.getUsers({ applicationId });
    return Object.fromEntries(answer.result.map((user) => [user.userId, user]));
  };
  const before = await byId();
  equal('by id', await set({ userId: ids[ZOE], parentAccounting: false }), { result: 1 });
  const renamed = await set({
    userName: ANNA, applicationName: STORY, newUserName: `${ANNA}-2`, userDisplayName: 'Ann & 安',
    userPassword: 'N3w-Passw0rd', userActive: false, userCustomData: 'x=1;y=2',
  });
  equal('by name', renamed, { result: 1 });
  equal('the new name is found', await byFilter({ userName: 'anna' }), [`${ANNA}-2`]);
  const users = await byId();
  const anna = users[ids[ANNA]];
  const changed = [anna.userDisplayName, anna.userActive, anna.userCustomData, anna.parentAccounting, anna.created];
  const expected = ['Ann & 安', flag(false), 'x=1;y=2', flag(true), before[ids[ANNA]].created];
  equal('all of it changed, the rest did not', changed, expected);
  check('modified is a moment in UTC', recent(anna.modified) && anna.modified >= anna.created, anna.modified);
  const zoe = { ...before[ids[ZOE]], parentAccounting: flag(false), modified: users[ids[ZOE]].modified };
  equal('what is not given stays', users[ids[ZOE]], zoe);
  equal('its old name again', await set({ userId: ids[ANNA], newUserName: ANNA }), { result: 1 });
  await refused('a name that is taken', 118, () => set({ userId: ids[ANNA], newUserName: BOB }));
  await refused('a bad new name', 462, () => set({ userId: ids[ANNA], newUserName: 'An Na' }));
  await refused('a weak password', 464, () => set({ userId: ids[ANNA], userPassword: 'password' }));
  await refused('an unknown user', 117, () => set({ userId: UNKNOWN_ID, userActive: true }));
  equal('refused, nothing changed', await byFilter({ userName: 'anna' }), [ANNA]);
});

step('transfers', async () => {
  const [zoe, anna, bob] = Object.values(made.ids);
  equal('at first', await balances(), [1000, 0, 0, 0]);
  equal('to one', await transfer({ userId: zoe, amount: 5.67 }), { result: 1, balance: 994.33 });
  const several = await transfer({
    userId: [zoe, bob], amount: 10.5, currency: 'USD', strictMode: true, userTransactionDescription: 'to you',
    accountTransactionDescription: 'To ${user_name} (${user_id})',
  });
  equal('the amount goes to each', several, { result: 1, balance: 973.33 });
  const byName = await transfer({ userName: BOB, applicationName: STORY, amount: '0.01' });
  equal('by name', byName, { result: 1, balance: 973.32 });
  equal('negative: back', await transfer({ userId: [zoe], amount: -6.17 }), { result: 1, balance: 979.49 });
  equal('balances', await balances(), [979.49, 10, 0, 10.51]);
  await refused('more than a user has', 127, () => transfer({ userId: [bob, zoe], amount: -10.01 }));
  await refused('more than the account has', 127, () => transfer({ userId: [bob, zoe], amount: 500 }));
  await refused('a user without a balance', 573, () => transfer({ userId: [zoe, anna], amount: 1 }));
  await refused('an unknown user', 117, () => transfer({ userId: [zoe, UNKNOWN_ID], amount: 1 }));
  await refused('less than a hundredth', 225, () => transfer({ userId: zoe, amount: 0.001 }));
  await refused('another currency', 210, () => transfer({ userId: zoe, amount: 1, currency: 'EUR' }));
  equal('refused, nothing moved', await balances(), [979.49, 10, 0, 10.51]);
  const everything = await transfer({ userId: [zoe], amount: -10000000, strictMode: false });
  equal('not strict: what is there', everything, { result: 1, balance: 989.49 });
  equal('and no more', await balances(), [989.49, 0, 0, 10.51]);
});

step('transaction history', async () => {
  const [zoe, , bob] = Object.values(made.ids);
  const hours = (number) => new Date(Date.now() + number * 3600000);
  // The client sends dates in UTC.
  const history = (filters) => client.History.getTransactionHistory({
    fromDate: hours(-1), toDate: hours(1), ...filters,
  });
  const lines = (answer) => answer.result.map((line) => [line.amount, line.transactionDescription]);
  const ofUsers = await history({ userId: [zoe, bob], count: 100 });
  equal('of the users, oldest first', lines(ofUsers), [
    [5.67, 'From account'], [10.5, 'to you'], [10.5, 'to you'], [0.01, 'From account'], [-6.17, 'To account'],
    [-10, 'To account'],
  ]);
  equal('counts', [ofUsers.count, ofUsers.totalCount, ofUsers.timezone], [6, 6, 'Etc/GMT']);
  const [{ transactionId, accountId, performedAt, currency, transactionType }] = ofUsers.result;
  const line = [Number.isInteger(transactionId), accountId, currency, transactionType];
  equal('a line', line, [true, '1', 'USD', 'user_money_transfer']);
  check('performedAt is a moment in UTC', recent(performedAt), performedAt);
  const page = await history({ userId: bob, descOrder: true, count: 1 });
  equal('newest first, a page', [lines(page), page.count, page.totalCount], [[[0.01, 'From account']], 1, 2]);
  const whole = await history({ transactionType: 'user_money_transfer', count: 1000 });
  equal("the account's side, with its macros", lines(whole).filter(([, text]) => text.includes(STORY)), [
    [-5.67, `To user: ${ZOE}`], [-10.5, `To ${ZOE} (${zoe})`], [-10.5, `To ${BOB} (${bob})`],
    [-0.01, `To user: ${BOB}`], [6.17, `From user: ${ZOE}`], [10, `From user: ${ZOE}`],
  ]);
  equal('long ago: nothing', (await history({ fromDate: hours(-9999), toDate: hours(-9998) })).result, []);
  await refused('an end before its beginning', 123, () => history({ toDate: hours(-2) }));
});

step('delete users', async () => {
  const { applicationId, ids } = made;
  const remove = (request) => client.Users.delUser(request);
  await refused('one of the list is unknown', 117, () => remove({ userId: [ids[ZOE], UNKNOWN_ID] }));
  equal('nobody went', (await listed({}))[2], 3);
  equal('by ids', await remove({ userId: [ids[ZOE], ids[ANNA]] }), { result: 1 });
  equal('two are gone', await byFilter({}), [BOB]);
  equal('by name', await remove({ userName: BOB, applicationName: STORY }), { result: 1 });
  equal('nobody is left', await listed({}), [[], 0, 0]);
  await refused('again', 117, () => remove({ userId: ids[BOB], applicationId }));
  equal('the money is back', await balances(), [1000]);
});

step('delete application', async () => {
  const { applicationId } = made;
  const user = { userName: ZOE, userDisplayName: 'Z', userPassword: PASSWORD, parentAccounting: false };
  const { userId } = await client.Users.addUser({ applicationId, ...user });
  check('a name is free again, its id is new', userId > Math.max(...Object.values(made.ids)), userId);
  const money = await transfer({ userId: 'all', applicationId, amount: 1 });
  equal('with money', money, { result: 1, balance: 999 });
  const remove = () => client.Applications.delApplication({ applicationId: [applicationId] });
  equal('deleted', await remove(), { result: 1 });
  await refused('its users cannot be listed', 116, () => client.Users.getUsers({ applicationId }));
  equal('it is not listed', (await client.Applications.getApplications({ applicationId })).result, []);
  await refused('again', 116, remove);
  const account = await client.Accounts.getAccountInfo({});
  equal('all the money is back', account.result.balance, 1000);
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
