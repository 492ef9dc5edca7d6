"""One PATCH for each user of a list, with requests on threads, a session each, and a line of
results for each: requests_threads.py LIST RESULTS URL TOKEN CONCURRENCY"""

import csv
import sys
import threading

import requests

BODY = {"unlockMethods": ["TOKEN", "SMS", "VOICE"]}


def work(rows, results, lock, url, headers):
    with requests.Session() as session:
        session.headers.update(headers)
        while True:
            with lock:
                row = next(rows, None)
            if row is None:
                return
            user = row["userId"]
            answer = session.patch(f"{url}/AdminInterface/restapi/v1/users/{user}/methods", json=BODY)
            said = answer.json()
            with lock:
                results.writerow([user, answer.status_code, said["isTokenLocked"], said["isSmsLocked"], said["isVoiceLocked"]])


source, target, url, token, concurrency = sys.argv[1:]
with open(source, newline="") as users, open(target, "w", newline="") as out:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    common = (csv.DictReader(users), csv.writer(out), threading.Lock(), url, headers)
    threads = [threading.Thread(target=work, args=common) for _ in range(int(concurrency))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
