// Amounts as whole ten-thousandths (BigInt): no sum is ever made of floating-point numbers.

const UNIT = 10_000n;

// A number of an answer. JSON numbers have at most four decimals and fit; they are read by their decimal text.
export const units = (number) => parse(Number(number).toFixed(4));

// What a person typed: digits, one point or comma, at most four decimals; null if it is no amount, or may be two.
export function parse(text) {
  const match = /^\s*([+-]?)(\d{1,12})(?:[.,](\d{1,4}))?\s*$/.exec(text);
  if (!match) return null;
  // "1,000" is a thousand to one reader and one to another: neither is paid.
  if (/[,]\d{3}\s*$/.test(text)) return null;
  const size = BigInt(match[2]) * UNIT + BigInt((match[3] ?? "").padEnd(4, "0"));
  return match[1] === "-" ? -size : size;
}

// The plain decimal text that the API takes.
export function decimal(amount) {
  const size = amount < 0n ? -amount : amount;
  const rest = (size % UNIT).toString().padStart(4, "0").replace(/0{1,2}$/, "");
  return `${amount < 0n ? "-" : ""}${size / UNIT}.${rest}`;
}

// What a transfer does, as the server would do it: positive amounts go from the account to each user; negative ones come
// back from each user. Strict: all of it or nothing. Else in order, each payer cut to what it has.
export function preview(amount, account, users, strict) {
  const rows = [];
  let left = account;
  for (const user of users) {
    let moved = amount;
    if (amount > 0n && left < moved) moved = strict ? moved : left > 0n ? left : 0n;
    if (amount < 0n && user.balance < -moved) moved = strict ? moved : user.balance > 0n ? -user.balance : 0n;
    left -= moved;
    rows.push({ ...user, moved, after: user.balance + moved });
  }
  const refused = strict && (left < 0n || rows.some((row) => row.after < 0n));
  return { rows, left, refused };
}
