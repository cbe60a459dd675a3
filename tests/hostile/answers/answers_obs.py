"""Invalid answers of OBS, each of which is proper HTTP."""

from __future__ import annotations

from tests.hostile.answers.answers import MEBIBYTE, HostileAnswer, http

READ = {
    "read": HostileAnswer("nothing: the good case", http(b"kind: x"), readable=True),
    "read-large": HostileAnswer("memory", http(b"x" * 5 * MEBIBYTE)),
    "read-etag": HostileAnswer(
        "the record", http(b"x", "ETag: " + "x" * 60_000, "x-obs-version-id: \x07"), readable=True
    ),
    "read-no-length": HostileAnswer("a part for the whole", b"HTTP/1.1 200 OK\r\n\r\nkind: x"),
    "read-gone": HostileAnswer("an unknown code", http(b"<Code>Gone</Code>", status="404 x")),
    "read-code": HostileAnswer("the code", http(b"<Code>" + b"A" * 9999, status="403 x")),
    "read-code-line": HostileAnswer("lines", http(b"<Code>A\nB</Code>", status="403 x")),
    "read-many-codes": HostileAnswer("the search", http(b"<Code>" * 9999, status="403 x")),
}

_YEARS = ("0001", "0000", "9999", "99999", "-001", "\u0662\u0660\u0662\u0666")
APPENDED = {
    **{
        f"appended-{year}": HostileAnswer(
            "the store's clock", http(b"", f"Date: Mon, 01 Jan {year} 00:00:00 GMT"), readable=True
        )
        for year in _YEARS[:4]
    },
    "appended-zone": HostileAnswer(
        "a time zone of weeks", http(b"", "Date: Mon, 01 Jan 2026 00:00:00 +999999"), readable=True
    ),
    "appended-zone-huge": HostileAnswer(
        "int()", http(b"", "Date: Mon, 01 Jan 2026 00:00:00 +" + "9" * 5000), readable=True
    ),
    "appended-date-nul": HostileAnswer("the date", http(b"", "Date: \x00, ,,,::"), readable=True),
    "appended-lost-race": HostileAnswer(
        "a race lost in a page for people",
        http(b"<html>PositionNotEqualToLength</html>", status="409 x"),
    ),
}


def _list(inside: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    return http(f"{head}<ListBucketResult>{inside}</ListBucketResult>".encode())


def _entry(key: str = "k", at: str = "2026-11-24T02:00:07.123Z", tag: str = "tag") -> str:
    fields = f"<Key>{key}</Key><LastModified>{at}</LastModified><ETag>{tag}</ETag>"
    return f"<Contents>{fields}</Contents>"


_DOCTYPE = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'

LISTED = {
    "bucket": HostileAnswer("nothing: the good case", _list(_entry()), readable=True),
    "bucket-rot13": HostileAnswer(
        "LookupError", _list("", '<?xml version="1.0" encoding="rot13"?>'), readable=True
    ),
    "bucket-hex": HostileAnswer(
        "a codec that is none", _list("", '<?xml version="1.0" encoding="hex"?>'), readable=True
    ),
    "bucket-utf16": HostileAnswer("another encoding", http("<ListBucketResult/>".encode("utf-16"))),
    "bucket-nested": HostileAnswer("depth", _list("<a>" * 200_000)),
    "bucket-nested-names": HostileAnswer("depth by length", _list(f"<{'a' * 900}>" * 4000)),
    "bucket-elements": HostileAnswer("a million elements", _list("<a/>" * 900_000)),
    "bucket-entries": HostileAnswer("more than were asked for", _list(_entry() * 1001)),
    "bucket-lines": HostileAnswer("two million line feeds", _list(_entry("\n" * 2_000_000))),
    "bucket-references": HostileAnswer("references", _list(_entry("&#65;" * 700_000))),
    "bucket-key-long": HostileAnswer("a key of 3 MiB", _list(_entry("k" * 3 * MEBIBYTE))),
    "bucket-attribute": HostileAnswer(
        "an attribute of 3 MiB", _list(f'<a b="{"x" * 3_000_000}"/>'), readable=True
    ),
    "bucket-attributes": HostileAnswer(
        "a mapping of attributes",
        _list("<a " + " ".join(f'a{n}=""' for n in range(99_999)) + "/>"),
        readable=True,
    ),
    "bucket-comment": HostileAnswer("a comment", _list(f"<!--{'x' * 3_000_000}-->"), readable=True),
    "bucket-huge": HostileAnswer("memory", _list("x" * 9 * MEBIBYTE)),
    "bucket-laughs": HostileAnswer("a billion laughs", _list(_entry("&b;"), _DOCTYPE)),
    "bucket-external": HostileAnswer(
        "a file of ours",
        _list(_entry("&x;"), '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    ),
    "bucket-doctype": HostileAnswer(
        "another's grammar", _list("", '<!DOCTYPE a SYSTEM "http://x">')
    ),
    "bucket-other": HostileAnswer("another document", http(b"<Error><Code>x</Code></Error>")),
    "bucket-html": HostileAnswer("a page for people", http(b"<html><body>hello</body></html>")),
    "bucket-json": HostileAnswer("another language", http(b'{"Contents": []}')),
    "bucket-empty": HostileAnswer("no body", http(b"")),
    "bucket-cut": HostileAnswer("a list cut in its middle", http(b"<ListBucketResult><Contents>")),
    "bucket-two": HostileAnswer("two documents", http(b"<ListBucketResult/><ListBucketResult/>")),
    "bucket-no-key": HostileAnswer("an object without a key", _list("<Contents/>")),
    "bucket-empty-key": HostileAnswer("an object without a name", _list(_entry(""))),
    "bucket-two-keys": HostileAnswer("two keys in one", _list(_entry("a</Key><Key>b"))),
    **{
        f"bucket-year-{year}": HostileAnswer(
            "a year", _list(_entry(at=f"{year}-01-01T00:00:00.000Z"))
        )
        for year in ("0001", "99999", "-001", "\u0662\u0660\u0662\u0666")
    },
    "bucket-day": HostileAnswer("a day that is none", _list(_entry(at="2026-02-30T00:00:00Z"))),
    "bucket-tag": HostileAnswer("the record", _list(_entry(tag="\u202e" * 999)), readable=True),
    "bucket-endless": HostileAnswer(
        "pages without end", _list(_entry() + "<IsTruncated>true</IsTruncated>")
    ),
    "bucket-empty-pages": HostileAnswer("empty pages", _list("<IsTruncated>true</IsTruncated>")),
}
