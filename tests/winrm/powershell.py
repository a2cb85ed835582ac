"""PowerShell 2.0 as a recording: answers the items of a batch with what a host said.

usage: powershell.py HOST [arguments of powershell.exe]
HOST is a JSON file: a list of {"script", "out", "exit", "err", "errors", "seconds"}, all but the first
optional. `errors` are written to the stream of errors, which end nothing by themselves: they count as
the batch counts them. {"script": "!"} is a host whose shell is not elevated.
An item whose script is not in it fails, as a command that does not exist does. Strict: it takes only
the arguments with which our client starts it, and a batch in ASCII.
"""

import base64, json, re, sys, time


def fail(text):
    sys.stderr.write(text + "\r\n")
    sys.exit(1)


def framed(text, most):
    data = text.encode()[:most]
    return "".join(" ".join(f"{byte:02X}" for byte in data[at:at + 1024]) + "\n" for at in range(0, len(data), 1024))


def main():
    host, arguments = sys.argv[1], sys.argv[2:]
    wanted = ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-InputFormat", "Text", "-OutputFormat", "Text",
              "-EncodedCommand"]
    if [word.lower() for word in arguments[:-1]] != [word.lower() for word in wanted]:
        fail(f"unexpected arguments: {arguments}")
    starter = base64.b64decode(arguments[-1], validate=True).decode("utf-16-le")
    if starter != "& ([ScriptBlock]::Create([string]::Join([string][char]10, @($input))))":
        fail(f"unexpected starter: {starter}")
    batch = sys.stdin.buffer.read().decode("ascii")
    if host == "-":
        fail("there is no recording")
    with open(host, encoding="utf-8") as file:
        recorded = {entry["script"].strip(): entry for entry in json.load(file)}
    whole = recorded.get("*")
    if whole:
        mark = re.search(r"^\$mark = '([0-9a-f]+)'$", batch, re.M)
        sys.stdout.write(whole["out"].replace("MARK", mark[1] if mark else ""))
        return
    # As the batch itself says what is an error.
    counts = re.search(r"Streams\.Error\) \{[^}]*\$exit = 126", batch)
    elevated = "!" not in recorded or "::Administrator)) { throw" not in batch
    nonce = re.search(r"^\$n = '([0-9a-f]+)'$", batch, re.M)[1]
    sys.stdout.write(f"{nonce} ready\n6F 6B\n")
    for number, limit, most, code in re.findall(r"^Item ([0-9]+) ([0-9]+) ([0-9]+) '([A-Za-z0-9+/=]*)'$", batch, re.M):
        script = base64.b64decode(code, validate=True).decode()
        entry = recorded.get(script.strip(), {"exit": 126, "err": "Termine non riconosciuto come nome di cmdlet.\n"})
        if not elevated:
            entry = {"exit": 126, "err": "not elevated: log in, or start it, as an administrator\n"}
        elif "errors" in entry:
            entry = {**entry, "err": entry["errors"], "exit": 126 if counts else entry.get("exit", 0)}
        seconds, limit = entry.get("seconds", 0), int(limit) / 1000
        time.sleep(min(seconds, limit))
        late = seconds >= limit
        status, out = (137, "") if late else (entry.get("exit", 0), entry.get("out", ""))
        sys.stdout.write(f"{nonce} rc {number} {status} 0 {min(seconds, limit)}\n{nonce} out {number}\n")
        sys.stdout.write(framed(out, int(most)) + f"{nonce} err {number}\n" + framed(entry.get("err", ""), 2048))
    sys.stdout.flush()


main()
