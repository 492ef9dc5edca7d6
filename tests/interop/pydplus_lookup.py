"""Signs in and looks up a user with pydplus, an independent client of the Cloud Administration API.

It judges the simulator, not bulk-unlock: pydplus builds its own assertion and its own JSON, and its
author ran it against the real service. What it can use, a real client can use.

    pydplus_lookup.py --base-url URL --issuer URL --client-id ID --key-file JWK --email ADDRESS
                      [--expect-id ID] [--expect-locked TOKEN|SMS|VOICE]

Each option may also come from the environment: BULK_UNLOCK_INTEROP_BASE_URL, and so on.
Prints one JSON object on stdout. Exit code: 0 when all is as expected, 1 when the answer differs,
2 for usage; anything that pydplus itself refuses ends in its own traceback (1).

pydplus takes scheme and host from the base URL it is given and adds /AdminInterface/restapi itself,
and speaks http:// as it is told: nothing in it is overridden here. Only the proxy is kept out of
the way, since requests would send even loopback calls through HTTP_PROXY.
"""

import argparse
import json
import os
import sys
from urllib.parse import urlsplit

from pydplus import PyDPlus

FLAGS = {"TOKEN": "isTokenLocked", "SMS": "isSmsLocked", "VOICE": "isVoiceLocked"}
ADMIN_PATH = "/AdminInterface/restapi"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Look a user up with pydplus over OAuth.")
    for name, needed in {
        "base-url": True,
        "issuer": True,
        "client-id": True,
        "key-file": True,
        "email": True,
        "expect-id": False,
        "expect-locked": False,
    }.items():
        given = os.environ.get("BULK_UNLOCK_INTEROP_" + name.upper().replace("-", "_"))
        parser.add_argument(f"--{name}", default=given, required=needed and given is None)
    return parser.parse_args()


def look_up(asked: argparse.Namespace) -> dict:
    with open(asked.key_file, encoding="utf-8") as file:
        key = json.load(file)
    client = PyDPlus(
        connection_type="oauth",
        base_url=asked.base_url,
        base_admin_url=asked.base_url,
        oauth_issuer_url=asked.issuer,
        oauth_client_id=asked.client_id,
        oauth_private_key_jwk=key,
        oauth_scope="rsa.user.read",
        strict_mode=True,
    )
    answer = client.users.get_user_details(asked.email, allow_failed_response=False)
    if not isinstance(answer, dict):
        # A refusal comes back as the bare response: pydplus asks `if response`, and a response of
        # requests is false when its status is an error.
        sys.exit(f"{asked.email}: HTTP {answer.status_code}: {answer.text}")
    return answer


def differences(asked: argparse.Namespace, user: dict) -> list[str]:
    found = []
    if user.get("emailAddress", "").lower() != asked.email.lower():
        found.append(f"emailAddress is {user.get('emailAddress')!r}")
    if asked.expect_id and user.get("id", "").lower() != asked.expect_id.lower():
        found.append(f"id is {user.get('id')!r}, not {asked.expect_id!r}")
    for method, flag in FLAGS.items():
        if not isinstance(user.get(flag), bool):
            found.append(f"{flag} is {user.get(flag)!r}, not true or false")
        elif asked.expect_locked is not None and user[flag] != (method in asked.expect_locked.split("|")):
            found.append(f"{flag} is {user[flag]}")
    return found


def main() -> int:
    asked = options()
    url = urlsplit(asked.base_url)
    if url.path.rstrip("/") != ADMIN_PATH:
        print(f"the base URL must end in {ADMIN_PATH}", file=sys.stderr)
        return 2
    os.environ["NO_PROXY"] = ",".join(filter(None, [os.environ.get("NO_PROXY"), url.hostname]))
    user = look_up(asked)
    found = differences(asked, user)
    flags = {flag: user.get(flag) for flag in FLAGS.values()}
    print(json.dumps({"id": user.get("id"), "email": user.get("emailAddress"), **flags, "differences": found}))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
