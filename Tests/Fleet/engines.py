"""engines.py ENGINE answer KITER DOCUMENT FOLDER: what the document's statements say of a fleet.
engines.py ENGINE keep KITER FOLDER: does each table keep each value of FOLDER/TABLE.jsonl?

ENGINE is duckdb or clickhouse; the tables are those of `kiter schema TABLE --as ENGINE --stamp`.
To be asked, FOLDER has a folder for each host, with TABLE.jsonl in it.
"""

import datetime
import glob
import json
import os
import re
import subprocess
import sys


class DuckDB:
    def __init__(self):
        import duckdb

        self.session = duckdb.connect()

    def run(self, statement):
        self.session.execute(statement)

    def load(self, table, path):
        self.run(f"COPY {table} FROM '{path}' (FORMAT json)")

    def rows(self, statement):
        rows = self.session.execute(f"SELECT to_json(rows) FROM ({statement}) AS rows").fetchall()
        return [json.loads(row[0]) for row in rows]


class ClickHouse:
    def __init__(self):
        from chdb import session

        self.session = session.Session()
        self.run("CREATE DATABASE fleet ENGINE = Atomic")
        self.run("USE fleet")

    def run(self, statement):
        self.session.query(statement)

    def load(self, table, path):
        self.run(f"INSERT INTO {table} FROM INFILE '{path}' FORMAT JSONEachRow")

    def rows(self, statement):
        settings = "SETTINGS output_format_json_quote_64bit_integers = 0"
        text = str(self.session.query(f"{statement} {settings}", "JSONEachRow"))
        return [json.loads(line) for line in text.splitlines()]


ENGINES = {"duckdb": DuckDB, "clickhouse": ClickHouse}


def schema(kiter, table, form):
    command = [kiter, "schema", table, "--as", form, "--stamp"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def answer(engine, name, kiter, document, folder):
    """The rows that each ```sql block of the document gives."""
    for table in ["tasks", "files", "sockets"]:
        engine.run(schema(kiter, table, name))
        for path in glob.glob(f"{folder}/*/{table}.jsonl"):
            engine.load(table, path)
    with open(document) as file:
        statements = re.findall(r"```sql\n(.*?);\n```", file.read(), re.DOTALL)
    print(json.dumps([engine.rows(statement) for statement in statements]))


def moment(text):
    """Nanoseconds since 1970, of RFC 3339 and of what engines write."""
    date, fraction = re.fullmatch(r"(.{19})\.?(\d*)Z?", text).groups()
    seconds = datetime.datetime.fromisoformat(date + "+00:00").timestamp()
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0"))


def plain(row, properties, arrays_may_be_null):
    """A row as every engine should give it back."""
    values = {}
    for name, description in properties.items():
        value = row.get(name)
        kinds = description.get("type", ["any"])
        if value is None and "array" in kinds and not arrays_may_be_null:
            value = []
        if value is not None and description.get("format") == "date-time":
            value = moment(value)
        if value is not None and "number" in kinds:
            value = float(value)
        if kinds == ["any"] and isinstance(value, str):
            value = json.loads(value)
        values[name] = value
    return json.dumps(values, sort_keys=True)


def keep(engine, name, kiter, folder):
    """How many rows of each table came back as they were."""
    counts = {}
    for path in sorted(glob.glob(f"{folder}/*.jsonl")):
        table = os.path.basename(path).removesuffix(".jsonl")
        counts[table] = keep_table(engine, name, kiter, table, path)
    print(json.dumps(counts))


def keep_table(engine, name, kiter, table, path):
    """Compares what is read with what was loaded, and that with the JSON Schema."""
    import jsonschema

    described = json.loads(schema(kiter, table, "json-schema"))
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    assert {"date-time", "ipv4", "ipv6", "uuid"} <= set(checker.checkers)
    jsonschema.Draft202012Validator.check_schema(described)
    validator = jsonschema.Draft202012Validator(described, format_checker=checker)
    with open(path) as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        validator.validate(row)
    engine.run(schema(kiter, table, name))
    engine.load(table, path)

    def all_plain(rows):
        return sorted(plain(row, described["properties"], name != "clickhouse") for row in rows)

    found, wanted = all_plain(engine.rows(f"SELECT * FROM {table}")), all_plain(rows)
    different = next((pair for pair in zip(found, wanted) if pair[0] != pair[1]), None)
    if different or len(found) != len(wanted):
        sys.exit(f"{table}: {len(found)} rows of {len(wanted)}; differs: {different}")
    return len(found)


def main():
    name, action, *rest = sys.argv[1:]
    {"answer": answer, "keep": keep}[action](ENGINES[name](), name, *rest)


main()
