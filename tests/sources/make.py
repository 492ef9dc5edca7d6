#!/usr/bin/env python3
"""Writes the files that table.toml is about into this folder. README.md says how to run it."""

import gzip
import io
import random
import re
import subprocess
import tempfile
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import xlsxwriter
import xlwt
import zstandard
from msoffcrypto.format.ooxml import OOXMLFile
from openpyxl.styles import numbers

HERE = Path(__file__).parent
STAMP = datetime(2025, 1, 1)

A = "0d3c5a7e-0b2f-4c6d-8e9f-0a1b2c3d4e01"
B = "1a2b3c4d-0b2f-4c6d-8e9f-0a1b2c3d4e02"
C = "9f8e7d6c-0b2f-4c6d-8e9f-0a1b2c3d4e03"
THREE = f"user_id,email\n{A},ann@example.com\n{B},bob@example.com\n{C},cy@example.com\n"
NAMES = f"User Id;Nachname;E-Mail\r\n{A};Müller;ann@example.com\r\n{B};Åström;bob@example.com\r\n"


def write(name, content, encoding="utf-8"):
    if isinstance(content, str):
        content = content.encode(encoding)
    (HERE / name).write_bytes(content)


def encodings():
    write("utf8.csv", THREE)
    write("utf8-bom.csv", THREE, "utf-8-sig")
    write("utf8-bom-twice.csv", "\ufeff" + THREE, "utf-8-sig")
    write("utf8-bom-quoted.csv", f'"user_id","email"\n"{A}","ann@example.com"\n', "utf-8-sig")
    write("excel-unicode-text.txt", NAMES.replace(";", "\t"), "utf-16")
    write("utf16be-bom.csv", "\ufeff" + THREE, "utf-16-be")
    write("utf16le-no-bom.csv", THREE, "utf-16-le")
    write("utf16be-no-bom.csv", THREE, "utf-16-be")
    write("utf16le-odd.csv", ("\ufeff" + "id\n1\n2").encode("utf-16-le") + b"3")
    write("utf16-lone-surrogate.csv", "\ufeffid\na".encode("utf-16-le") + b"\x00\xd8\x0a\x00")
    write("utf32.csv", THREE, "utf-32")
    write("windows-1252-names.csv", NAMES, "windows-1252")
    write("windows-1252-logins.csv", "login\r\nmüller\r\nåström\r\n", "windows-1252")
    write("latin9.csv", "login;x\nœuvre;1\n", "iso-8859-15")
    write("windows-1251.csv", "login;mail\nиван;ivan@example.com\n", "windows-1251")
    write("shift-jis.csv", "login,氏名\n山田,表\n", "shift_jis")
    write("gbk.csv", "login\n王伟\n", "gbk")
    write("utf8-names.csv", "login,mail\n山田,Ünal@example.com\n")
    write("lost-letter.csv", "login\nm\ufffdller\nok\n")


def delimiters():
    write("german-semicolons.csv", NAMES, "utf-8-sig")
    write("french.csv", f"Nom;Identifiant;Email address\r\n\"Dupont; Jean\";x;ann@example.com\r\n")
    write("decimal-commas.csv", "login;cost\nann;1,5\nbob;2,75\ncy;3,0\n")
    write("tabs.tsv", THREE.replace(",", "\t"))
    write("pipes.txt", THREE.replace(",", "|"))
    write("colons.txt", "login:x:uid\nann:x:1\n")
    write("sep-semicolon.csv", "sep=;\r\n" + NAMES)
    write("sep-quoted.csv", '"sep=|"\r\nid|mail\r\n1|a@example.com\r\n')
    write("sep-tab-utf16.csv", "sep=\t\r\nid\tmail\r\n1\ta@example.com\r\n", "utf-16")
    write("one-column.csv", "email\nann@example.com\nbob@example.com\n")
    write("comma-in-other-column.csv", "id;note\n1;a, b, c\n2;d\n3;e,f,g\n")
    write("late-delimiter.csv", "id;note\n" + "".join(f"{n};x\n" for n in range(100, 400)))


def lines():
    write("crlf.csv", THREE.replace("\n", "\r\n"))
    write("old-mac.csv", "id,note\r1,\"a\rb\"\r\r2,c\r3,d")
    write("mixed-ends.csv", b"id\n1\r\n2\r3\n\r4\r\r\n5")
    write("quoted-line-breaks.csv", 'note,id\r\n"a\r\nb\r\n",1\r\n"c",2\r\n')
    write("blank-lines.csv", "\n\n \nid,mail\n\n1,a@example.com\n , \n,\n\t\n2,\n\n")
    write("no-last-line-end.csv", "id\n1\n2")
    write("dos-end.csv", b"id\r\n1\r\n2\r\n\x1a")
    write("padding.csv", " id ,\u00a0Email\u00a0\n \"1\" , a@example.com\u200b\n\u20602\u00a0,\t\"b@example.com\" \n")
    write("header-only.csv", "User Id,Email\n")
    write("empty.csv", "")
    write("bom-only.csv", b"\xef\xbb\xbf")
    write("blank.csv", "\n \n\t\r\n")
    write("short-and-long-rows.csv", "x,id,mail\n1\n1,2\n1,2,a@example.com,4,5\n")


def headers():
    old = (
        "Email address,Username,Alternate Username,First name,Last name,Identity source name,"
        "Account creation date,Account date last updated,Status,Device name,Device type,"
        "Device registration date,FIDO authenticator,FIDO registration date,SMS registration date,"
        "Voice registration date,High-Risk User,Authenticate Tokencode locked on\n"
    )
    write("all-users-oldest.csv", old + "ann@example.com,ann,,Ann,\"Lee, Jr.\",AD,,,Enabled" + "," * 9 + "\n")
    later = (
        '"Primary Unique Identifier","User Id","Email address","Username","Alternate Username",'
        '"First name","Last name","Month Last Authenticated","Device OS & Version","App Name",'
        '"App Version","Cloud User","Authenticate Tokencode locked on"\r\n'
    )
    row = '"CN=Ann Lee,OU=Staff,DC=example,DC=com","{}","ann@example.com","ann","ann2","Ann","Lee"' + ',""' * 6
    write("all-users-later.csv", later + row.format(A) + "\r\n" + row.format("") + "\r\n")
    write("google-sheets.csv", f"User ID,Email Address,Methods\r\n{A},ann@example.com,\"TOKEN, sms\"\r\n{B},,\r\n")
    export = '"Name","mail","SamAccountName"\r\n"Ann Lee","ann@example.com","ann"\r\n'
    write("powershell-type.csv", "#TYPE Selected.Microsoft.ActiveDirectory.Management.ADUser\r\n" + export)
    write("powershell-utf16.csv", "#TYPE Selected.Microsoft.ADUser\r\n" + export, "utf-16")
    write("csvde.csv", 'DN,objectClass,cn,mail,sAMAccountName\r\n"CN=Ann Lee,DC=example",user,Ann Lee,ann@example.com,ann\r\n')
    write("ldifde.ldf", "dn: CN=Ann Lee,DC=example\r\nchangetype: add\r\nmail: ann@example.com\r\n")
    write("entra.csv", "userPrincipalName,displayName\nann@example.com,Ann\n")
    write("methods.csv", "id,unlock methods\n1,TOKEN|SMS\n2,voice;token\n3,sms voice\n4,PUSH\n5,\n")
    write("own-names.csv", "GUID,Work E-Mail,Mail,Account\n1,a@example.com,old@example.com,ann\n")
    write("two-ids.csv", "id,User Id\n1,2\n")
    write("same-name-twice.csv", "id,id\n1,2\n")
    write("no-user-column.csv", "first,last\nAnn,Lee\n")
    write("no-header-addresses.txt", "ann@example.com\nbob@example.com\n")
    write("no-header-ids.txt", f"{A}\n{B}\nann@example.com\n")
    write("no-header-wide.csv", "Ann;ann@example.com;TOKEN\nBob;bob@example.com;\n")


def damage():
    write("scientific.csv", "id;login\n1,23E+15;ann\n1.23E+15;\n;4.5E+06\n12345E67;\n")
    write("errors.csv", "id,mail,login\n#N/A,,\n,#NV,\n,,#BEZUG!\n1,#REF!,#WERT!\n#1,,\n")
    write("lost-zeros.csv", f"id\n{A}\n{A[1:]}\n{A[3:]}\n")
    write("lost-zeros-logins.csv", "login\n001234\n005678\n1234\n101234\nann\n")
    write("no-lost-zeros.csv", "login\n7\n001\n42\n1234\n")
    write("kept-zeros.csv", 'id,login\n="00123",\n"=""00456""",\n,\'00789\n')
    write("not-addresses.csv", f"id,mail\n,nobody\n{A},nobody\n,a@example.com\n")
    write("neutralised.csv", "login\n'=cmd\n'@x\n't Hooft\n")
    write("not-users.csv", f"id,mail\n.,\n..,\n{'x' * 256},\n{'x' * 257},\n,{'x' * 310}@example.com\n,\n")
    write("invisible.csv", "mail,x\na\u200bnn@example.com,1\n")


def hostile():
    write("nuls.csv", b"id,mail\n1,a@example.com\n2\0,b@example.com\n" + b"3,\n" * 20)
    write("controls.csv", b"id,x\n1\x1b[31m,y\n2,\x07\n3,z\n" + b"4,ok\n" * 10)
    write("lone-quotes.csv", 'id,height\n1,5"11\n2,"Bob" Smith\n3,x"\n')
    write("unclosed-quote.csv", 'id,note\n1,a\n2,"b\n3,c\n4,d\n')
    write("quote-swallows-rows.csv", 'id,note\n1,"a\n2,"b"\n3,c\n')
    write("broken-id.csv", 'id,note\n"1\n2",x\n3,y\n')
    write("columns-10000.csv", ",".join(f"c{n}" for n in range(9999)) + ",id\n" + "," * 9999 + "7\n")
    write("giant-field.csv.gz", gzip.compress(b"id,note\n1," + b"x" * 1_100_000 + b"\n2,y\n", mtime=0))
    write("giant-quoted.csv.gz", gzip.compress(b'id,note\n1,x\n2,"' + b"x\n" * 600_000, mtime=0))
    write("large-field.csv", "id,note\n1," + "x" * 20_000 + "\n2,y\n")
    write("bad-utf8-ignored.csv", b"id,name\n1,M\xfcller\n2,x\n")
    write("bad-utf8-used.csv", b"id,name\n1,x\n\n2\xff,y\n")
    write("bad-utf8-header.csv", b"id,Stra\xdfe\n1,x\n")
    blanks = (b" " * 999 + b"\n") * 50_000
    write("blanks-50-mb.csv.gz", gzip.compress(b"id\n1\n" + blanks + b"2\n", mtime=0))
    write("blanks-one-line.csv.gz", gzip.compress(b"id\n1\n" + b" " * 5_000_000 + b"2\n", mtime=0))
    random.seed(1)
    write("random.bin", random.randbytes(4096))
    write("page.html", "<!DOCTYPE html><table><tr><td>id</td></tr></table>\n")
    write("users.json", '[{"id": "1"}]\n')
    write("list.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")


def packed():
    text = THREE.encode()
    write("users.csv.gz", gzip.compress(text, mtime=0))
    half = len(text) // 2
    write("two-members.gz", gzip.compress(text[:half], mtime=0) + gzip.compress(text[half:], mtime=0))
    pack = zstandard.ZstdCompressor(write_checksum=True).compress
    write("users.csv.zst", pack(text))
    write("two-frames.zst", pack(text[:half]) + pack(text[half:]))
    write("zst-in-gz", gzip.compress(pack(text), mtime=0))
    write("gz-called.csv", gzip.compress("id\n1\n".encode("utf-16"), mtime=0))
    many = b"id\n" + b"".join(b"%d\n" % n for n in range(3000))
    write("cut.csv.gz", gzip.compress(many, mtime=0)[:-200])
    write("cut-early.gz", gzip.compress(text, mtime=0)[:12])
    damaged = bytearray(gzip.compress(text, mtime=0))
    damaged[-6] ^= 1
    write("damaged.csv.gz", bytes(damaged))
    write("cut.csv.zst", pack(many)[:-40])
    deep = text
    for _ in range(5):
        deep = gzip.compress(deep, mtime=0)
    write("packed-five-times.gz", deep)
    write("archive.zip", zipped({"users.csv": text}))


def zipped(parts):
    """A zip archive that is the same each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def parts(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def saved(book):
    out = io.BytesIO()
    book.save(out)
    content = parts(out.getvalue())
    core = content["docProps/core.xml"].decode()
    content["docProps/core.xml"] = re.sub(r"20\d\d-[0-9T:-]+Z", STAMP.isoformat() + "Z", core)
    return zipped(content)


def sheet(rows, title="Users"):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    return book


def workbooks():
    plain = saved(sheet([["User Id", "E-Mail", "Name"], [A, "ann@example.com", "Ann"], [B, None, "Bob"]]))
    write("users.xlsx", plain)
    write("xlsx-called.csv", plain)
    write("users.xlsx.gz", gzip.compress(plain, mtime=0))
    write("cut.xlsx", plain[: len(plain) // 2])
    write("gaps.xlsx", gaps())
    write("cells.xlsx", cells())
    write("formulas.xlsx", formulas())
    write("hidden-first.xlsx", hidden_first())
    write("inline-strings.xlsx", inline())
    write("empty.xlsx", saved(openpyxl.Workbook()))
    damaged = parts(plain)
    path = "xl/worksheets/sheet1.xml"
    damaged[path] = damaged[path][: damaged[path].index(b'<row r="3"')]
    write("cut-sheet.xlsx", zipped(damaged))
    bomb = parts(plain)
    bomb["xl/sharedStrings.xml"] = b"<sst><si><t>" + b"x" * 3_000_000 + b"</t></si></sst>"
    write("bomb.xlsx", zipped(bomb))
    protect(plain)
    old = xlwt.Workbook()
    old.add_sheet("Users").write(0, 0, "id")
    old.save(str(HERE / "old.xls"))
    write("users.ods", zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}))


def gaps():
    book = sheet([[None, "id", None, "mail"]])
    book.active["B5"] = "1"
    book.active["D9"] = "a@example.com"
    book.active["A7"] = "  "
    return saved(book)


def cells():
    book = sheet([["id", "login", "methods"]])
    for n, (value, style) in enumerate(
        [
            (4711, None),
            (1234567890123456789, None),
            (1.5, None),
            (True, None),
            (date(2025, 3, 5), numbers.FORMAT_DATE_YYYYMMDD2),
            ("#N/A", None),
            (123, "00000000"),
            ("00123", None),
            (-3, None),
        ],
        start=2,
    ):
        cell = book.active.cell(n, 1, value)
        if value == "#N/A":
            cell.data_type = "e"
        if style:
            cell.number_format = style
    book.active.cell(11, 2, "ann")
    book.active.cell(11, 3, "SMS")
    return saved(book)


def formulas():
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    book.set_properties({"created": STAMP})
    page = book.add_worksheet()
    page.write_row(0, 0, ["id", "mail"])
    page.write_formula(1, 0, '="a"&"b"', None, "ab")
    page.write_formula(1, 1, '="x"', None, "ab@example.com")
    page.write_formula(2, 0, "=1+1", None, 2)
    page.write_formula(3, 0, "=VLOOKUP(1,A1:A1,1)", None, "#N/A")
    book.close()
    return zipped(parts(out.getvalue()))


def inline():
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    book.set_properties({"created": STAMP})
    page = book.add_worksheet()
    for n in range(1000):
        page.write_row(n, 0, ["login" if n == 0 else f"user{n}", "x"])
    book.close()
    return zipped(parts(out.getvalue()))


def hidden_first():
    book = sheet([["id"], ["no"]], "Hidden")
    book.active.sheet_state = "hidden"
    book.create_sheet("Shown").append(["id"])
    book["Shown"].append(["yes"])
    book.active = 1
    return saved(book)


def protect(plain):
    """Has another salt each time, and is written only where it is missing."""
    if (HERE / "protected.xlsx").exists():
        return
    out = io.BytesIO()
    OOXMLFile(io.BytesIO(plain)).encrypt("secret", out)
    write("protected.xlsx", out.getvalue())


def libreoffice():
    """What LibreOffice itself makes of one list; each only where it is missing."""
    csv = "csv:Text - txt - csv (StarCalc):"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "list.csv")
        source.write_text(f"User Id,E-Mail,Name\n{A},ann@example.com,Müller\n{B},,\"Bo; b\"\n")
        for name, kind in (
            ("libreoffice.xlsx", "xlsx"),
            ("libreoffice.ods", "ods"),
            ("libreoffice.xls", "xls"),
            ("libreoffice-semicolons.csv", csv + "59,34,76,1,,0,false,true"),
            ("libreoffice-windows.csv", csv + "59,34,1,1,,0,true,true"),
            ("libreoffice-utf16.csv", csv + "9,34,65535,1,,0,false,true"),
        ):
            if (HERE / name).exists():
                continue
            out = Path(folder, name)
            out.mkdir()
            command = ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless"]
            command += ["--infilter=CSV:44,34,76", "--convert-to", kind, "--outdir", out, source]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            next(out.iterdir()).rename(HERE / name)


for make in (encodings, delimiters, lines, headers, damage, hostile, packed, workbooks, libreoffice):
    make()
