"""One PATCH for each user of a list, with aiohttp on uvloop, and a line of results for each:
aiohttp_client.py LIST RESULTS URL TOKEN CONCURRENCY"""

import asyncio
import csv
import sys

import aiohttp
import uvloop

BODY = {"unlockMethods": ["TOKEN", "SMS", "VOICE"]}


async def work(session, rows, results):
    for row in rows:
        user = row["userId"]
        async with session.patch(f"/AdminInterface/restapi/v1/users/{user}/methods", json=BODY) as answer:
            said = await answer.json()
            results.writerow([user, answer.status, said["isTokenLocked"], said["isSmsLocked"], said["isVoiceLocked"]])


async def main(source, target, url, token, concurrency):
    connector = aiohttp.TCPConnector(limit=concurrency)
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    with open(source, newline="") as users, open(target, "w", newline="") as out:
        rows, results = csv.DictReader(users), csv.writer(out)
        async with aiohttp.ClientSession(url, connector=connector, headers=headers) as session:
            await asyncio.gather(*(work(session, rows, results) for _ in range(concurrency)))


uvloop.run(main(*sys.argv[1:5], int(sys.argv[5])))
