"""People bring their passwords along: hashes that real PHP has made (`password_hash`), and portable ones of phpass as
WordPress made them before 6.8, go in with an import and open a session; the first right login keeps a hash of our own.
"""

import csv
import json
import os
import subprocess
import urllib.parse
import urllib.request

from passlib.hash import phpass

import checks
from checks import check, equal, step

with open(os.path.join(checks.STATE, "stepchat.json"), encoding="utf-8") as file:
    TOKEN = json.load(file)["token"]

PASSWORDS = {"plain": "Secret-4711", "unicode": "Пароль €100", "long": "x" * 100, "spaces": " a b "}
# As PHP's and WordPress's own code makes them: `wp_hash_password` of WordPress 6.8 is the last of these.
PHP = r"""
$password = stream_get_contents(STDIN);
$signed = base64_encode(hash_hmac('sha384', trim($password), 'wp-sha384', true));
echo json_encode([
    'bcrypt' => password_hash($password, PASSWORD_BCRYPT),
    'bcrypt12' => password_hash($password, PASSWORD_BCRYPT, ['cost' => 12]),
    'bcrypt_2a' => crypt($password, '$2a$10$abcdefghijklmnopqrstuu'),
    'argon2i' => password_hash($password, PASSWORD_ARGON2I),
    'argon2id' => password_hash($password, PASSWORD_ARGON2ID),
    'wordpress' => '$wp' . password_hash($signed, PASSWORD_BCRYPT),
]);
"""
TOO_EXPENSIVE = r"echo crypt('x', '$2y$14$abcdefghijklmnopqrstuu');"


def php(script, stdin=""):
    done = subprocess.run(["php", "-r", script], input=stdin.encode(), capture_output=True, check=True)
    return done.stdout.decode()


def hashes(password):
    return {**json.loads(php(PHP, password)), "phpass": phpass.using(rounds=13).hash(password), "phpass_slow": phpass.hash(password)}


def call(function, **fields):
    data = urllib.parse.urlencode({"function": function, "token": TOKEN, **fields}).encode()
    with urllib.request.urlopen(checks.HTTP + "/include/api.php", data) as answer:
        return json.load(answer)["response"]


def logs_in(email, password):
    answer = call("login", email=email, password=password)
    return isinstance(answer, list) and answer[0]["email"] == email


def imported(rows):
    path = os.path.join(checks.STATE, "passwords.csv")
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("first_name", "email", "password_hash"), *rows])
    done = subprocess.run([os.environ["SWITCHBOARD_BINARY"], "import", "stepchat", path, "--state", checks.STATE],
                          capture_output=True, text=True)
    os.remove(path)
    return done.stdout


made = {}


@step
def hashes_go_in():
    for name, password in PASSWORDS.items():
        for kind, text in hashes(password).items():
            made["{}-{}@example.com".format(kind, name).replace("_", "-")] = (password, text)
    said = imported((email, email, text) for email, (_, text) in made.items())
    check("all of them", "{} users imported, 0 were there already, 0 rows rejected".format(len(made)) in said, said)


@step
def people_log_in_with_their_passwords():
    for email, (password, _) in made.items():
        # Three failures lock an address out, and whoever calls is counted too: each gets one.
        if email.endswith("-plain@example.com"):
            equal(email + " with another password", logs_in(email, password + "x"), False)
        equal(email, logs_in(email, password), True)


@step
def the_second_login_is_held_against_a_hash_of_our_own():
    for email, (password, _) in made.items():
        equal(email, logs_in(email, password), True)


@step
def a_hash_that_costs_too_much_is_rejected():
    said = imported([("Slow", "slow@example.com", php(TOO_EXPENSIVE)), ("None", "none@example.com", "5f4dcc3b5aa765d61d8327deb882cf99")])
    check("both rows", "0 users imported, 0 were there already, 2 rows rejected" in said, said)


checks.run()
