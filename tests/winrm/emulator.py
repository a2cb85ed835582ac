"""A Windows with WinRM 2.0, as far as a client of remote shells sees it.

NTLM is pyspnego's, so that the cryptography is not ours. Strict as Windows 2008 R2 comes: it refuses
bodies in clear over HTTP, wrong signatures, a sixth shell of a user, a sixteenth process of a shell,
more than 150 MB, and messages of more than 150 kB. Programs run with /bin/sh; `powershell` takes its
script on standard input and is played by powershell.py beside this file.

usage: emulator.py [--tls] [--users FILE] [--fault NAME[:ACTION][:COUNT] ...] [--host FILE] [--idle SECONDS]
Prints `PORT number` (and `CERTIFICATE sha256` with --tls), then serves until its standard input ends.
GET /state tells in JSON what happened. FILE of --users has lines DOMAIN:user:password.
"""

import argparse, base64, hashlib, http.server, json, os, re, resource, shlex, socketserver, ssl, struct
import subprocess, sys, tempfile, threading, time, uuid
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

import spnego
from spnego.channel_bindings import GssChannelBindings

LARGEST_ENVELOPE = 150 * 1024
SHELLS, PROCESSES, MEMORY = 5, 15, 150 << 20
# What one answer carries of a stream, so that its envelope stays within the limit in Base64.
PART = 48 * 1024
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
SPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "i": "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd",
    "rsp": SHELL,
    "x": TRANSFER,
}
DECLARED = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())
METHOD = "application/HTTP-SPNEGO-session-encrypted"
OPENING = (
    b"--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
    b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n"
    b"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
)
CLOSING = b"--Encrypted Boundary--\r\n"

options = None
lock = threading.RLock()
shells = {}
seen = {"created": 0, "deleted": 0, "most": 0, "commands": 0, "terminated": 0, "connections": 0, "logins": 0,
        "refused_clear": 0, "refused_seal": 0, "refused_login": 0, "actions": [], "problems": []}


class Fault(Exception):
    def __init__(self, subcode, code, words, value="s:Receiver"):
        self.subcode, self.code, self.words, self.value = subcode, code, words, value


def quota(words):
    # In Italian: nobody may read the words.
    return Fault("w:QuotaLimit", 2150859174, words, "s:Sender")


class Process:
    """A program with its streams, read while it runs."""

    def __init__(self, line, words):
        limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        played = words and os.path.basename(words[0]).lower() in ("powershell", "powershell.exe")
        if played:
            player = os.path.join(os.path.dirname(os.path.abspath(__file__)), "powershell.py")
            arguments = [sys.executable, player, options.host or "-", *words[1:]]
            limit = None  # Python itself
        else:
            arguments = ["/bin/sh", "-c", line]
        pipe = subprocess.PIPE
        self.child = subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=pipe, preexec_fn=limit,
                                      start_new_session=True)
        self.news = threading.Condition()
        self.streams = {"stdout": bytearray(), "stderr": bytearray()}
        self.open = {"stdout", "stderr"}
        self.input_ended = False
        for name in ("stdout", "stderr"):
            threading.Thread(target=self.read, args=(name,), daemon=True).start()

    def read(self, name):
        stream = getattr(self.child, name)
        while True:
            data = stream.read1(65536)
            with self.news:
                # A program that floods waits, as for any pipe.
                while len(self.streams[name]) > 4 * PART and self.child.poll() is None:
                    self.news.wait(1)
                if data:
                    self.streams[name] += data
                else:
                    self.open.discard(name)
                self.news.notify_all()
            if not data:
                return

    def take(self, seconds):
        """What was printed, by stream, and the exit status at the end."""
        end = time.monotonic() + seconds
        with self.news:
            while not any(self.streams.values()) and self.open:
                rest = end - time.monotonic()
                if rest <= 0 or not self.news.wait(rest):
                    if not any(self.streams.values()) and self.open:
                        raise Fault("w:TimedOut", 2150858793, "Impossibile completare l'operazione nel tempo.")
            taken = {}
            room = PART
            for name, data in self.streams.items():
                taken[name] = bytes(data[:room])
                del data[:room]
                room -= len(taken[name])
            self.news.notify_all()
            done = not self.open and not any(self.streams.values())
        return taken, self.child.wait() if done else None

    def kill(self):
        try:
            os.killpg(self.child.pid, 9)
        except ProcessLookupError:
            pass


def find(root, path):
    found = root.find(path, SPACES)
    return None if found is None else (found.text or "").strip()


def seconds(text):
    return float(re.fullmatch(r"PT([0-9.]+)S", text or "PT60S")[1])


def faulty(name, action):
    """Whether a fault that was ordered strikes now."""
    with lock:
        for fault in options.fault:
            if fault["name"] == name and fault["action"] in ("", action) and fault["count"] > 0:
                fault["count"] -= 1
                return True
    return False


class Host:
    """What the SOAP requests of one user do."""

    def __init__(self, user):
        self.user = user

    def answer(self, text):
        if len(text) > LARGEST_ENVELOPE:
            raise Fault("w:EncodingLimit", 2150858747, "Messaggio troppo grande.")
        root = ElementTree.fromstring(text)
        if root.find("s:Body/i:Identify", SPACES) is not None:
            seen["actions"].append("Identify")
            return "", ("<i:IdentifyResponse><i:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
                        "</i:ProtocolVersion><i:ProductVendor>Microsoft Corporation</i:ProductVendor>"
                        "<i:ProductVersion>OS: 6.1.7601 SP: 1.0 Stack: 2.0</i:ProductVersion></i:IdentifyResponse>")
        action = find(root, "s:Header/a:Action")
        name = (action or "").rsplit("/", 1)[-1]
        seen["actions"].append(name)
        known = {f"{TRANSFER}/Create": self.create, f"{TRANSFER}/Delete": self.delete,
                 **{f"{SHELL}/{n}": getattr(self, n.lower()) for n in ("Command", "Send", "Receive", "Signal")}}
        if action not in known:
            raise Fault("w:ActionNotSupported", 2150858817, "Azione non supportata.", "s:Sender")
        self.check_header(root)
        if faulty("quota", name):
            raise quota("Il numero massimo di shell simultanee per l'utente è stato superato.")
        if faulty("timedout", name):
            raise Fault("w:TimedOut", 2150858793, "Tempo scaduto.")
        if faulty("denied", name):
            raise Fault("w:AccessDenied", 5, "Accesso negato.", "s:Sender")
        if faulty("gone", name):
            raise self.no_shell()
        return action + "Response", known[action](root)

    def check_header(self, root):
        must = ["a:To", "w:ResourceURI", "a:Action", "a:MessageID", "w:MaxEnvelopeSize", "w:OperationTimeout",
                "a:ReplyTo/a:Address"]
        for path in must:
            if not find(root, "s:Header/" + path):
                raise Fault("w:SchemaValidationError", 2150858834, "Manca " + path, "s:Sender")
        if find(root, "s:Header/w:ResourceURI") != SHELL + "/cmd":
            raise Fault("w:InvalidResourceURI", 2150858816, "Risorsa sconosciuta.", "s:Sender")
        if seconds(find(root, "s:Header/w:OperationTimeout")) > 60:
            raise Fault("w:UnsupportedFeature", 2150858827, "MaxTimeoutms", "s:Sender")

    def no_shell(self):
        return Fault("w:InvalidSelectors", 2150858843, "Shell non trovata sul server.", "s:Sender")

    def shell(self, root):
        selector = root.find("s:Header/w:SelectorSet/w:Selector[@Name='ShellId']", SPACES)
        shell = shells.get(selector.text if selector is not None else "")
        if shell is None or shell["user"] != self.user:
            raise self.no_shell()
        shell["used"] = time.monotonic()
        return shell

    def process(self, root, path):
        shell = self.shell(root)
        node = root.find(path, SPACES)
        process = shell["processes"].get(node.get("CommandId") if node is not None else "")
        if process is None:
            raise Fault("w:InvalidParameter", 2150858844, "CommandId sconosciuto.", "s:Sender")
        return node, process

    def create(self, root):
        body = root.find("s:Body/rsp:Shell", SPACES)
        if body is None or find(body, "rsp:OutputStreams") != "stdout stderr":
            raise Fault("w:SchemaValidationError", 2150858834, "Shell", "s:Sender")
        with lock:
            for name in [name for name, shell in shells.items()
                         if time.monotonic() - shell["used"] > shell["idle"]]:
                end_shell(name)
            if sum(shell["user"] == self.user for shell in shells.values()) >= SHELLS:
                raise quota("Questo utente può avere al massimo 5 shell simultanee.")
            name = str(uuid.uuid4()).upper()
            idle = seconds(find(body, "rsp:IdleTimeOut")) if find(body, "rsp:IdleTimeOut") else 180
            shells[name] = {"user": self.user, "processes": {}, "idle": idle, "used": time.monotonic()}
            seen["created"] += 1
            seen["most"] = max(seen["most"], len(shells))
        # As 2008 R2: the selector of a reference, and no element of the shell.
        return (f"<x:ResourceCreated><a:Address>http://host/wsman</a:Address><a:ReferenceParameters>"
                f"<w:ResourceURI>{SHELL}/cmd</w:ResourceURI><w:SelectorSet><w:Selector Name=\"ShellId\">{name}"
                f"</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>")

    def command(self, root):
        shell = self.shell(root)
        if len(shell["processes"]) >= PROCESSES:
            raise quota("Troppi processi in questa shell.")
        program = find(root, "s:Body/rsp:CommandLine/rsp:Command")
        arguments = [node.text or "" for node in root.findall("s:Body/rsp:CommandLine/rsp:Arguments", SPACES)]
        line = " ".join([program.strip('"'), *arguments])
        if len(line) > 8191:
            raise Fault("w:InvalidParameter", 87, "La riga di comando è troppo lunga.", "s:Sender")
        name = str(uuid.uuid4()).upper()
        words = line.split()
        shell["processes"][name] = Process(line, words)
        seen["commands"] += 1
        return f"<rsp:CommandResponse><rsp:CommandId>{name}</rsp:CommandId></rsp:CommandResponse>"

    def send(self, root):
        node, process = self.process(root, "s:Body/rsp:Send/rsp:Stream")
        if process.input_ended:
            raise Fault("w:InternalError", 232, "La pipe è in fase di chiusura.")
        try:
            process.child.stdin.write(base64.b64decode(node.text or "", validate=True))
            process.child.stdin.flush()
            if node.get("End", "").lower() == "true":
                process.input_ended = True
                process.child.stdin.close()
        except BrokenPipeError:
            process.input_ended = True
            raise Fault("w:InternalError", 232, "La pipe è in fase di chiusura.")
        return "<rsp:SendResponse/>"

    def receive(self, root):
        node, process = self.process(root, "s:Body/rsp:Receive/rsp:DesiredStream")
        name = node.get("CommandId")
        taken, status = process.take(seconds(find(root, "s:Header/w:OperationTimeout")))
        streams = "".join(f'<rsp:Stream Name="{stream}" CommandId="{name}">{base64.b64encode(data).decode()}</rsp:Stream>'
                          for stream, data in taken.items() if data)
        if status is None:
            return f"<rsp:ReceiveResponse>{streams}</rsp:ReceiveResponse>"
        ends = "".join(f'<rsp:Stream Name="{s}" CommandId="{name}" End="true"></rsp:Stream>' for s in taken)
        return (f'<rsp:ReceiveResponse>{streams}{ends}<rsp:CommandState CommandId="{name}" '
                f'State="{SHELL}/CommandState/Done"><rsp:ExitCode>{status}</rsp:ExitCode></rsp:CommandState>'
                f"</rsp:ReceiveResponse>")

    def signal(self, root):
        node, process = self.process(root, "s:Body/rsp:Signal")
        process.kill()
        self.shell(root)["processes"].pop(node.get("CommandId"))
        seen["terminated"] += 1
        return "<rsp:SignalResponse/>"

    def delete(self, root):
        self.shell(root)
        selector = root.find("s:Header/w:SelectorSet/w:Selector[@Name='ShellId']", SPACES)
        end_shell(selector.text)
        seen["deleted"] += 1
        return ""


def end_shell(name):
    for process in shells.pop(name)["processes"].values():
        process.kill()


def envelope(action, related, body):
    header = f"<a:Action>{action}</a:Action><a:MessageID>uuid:{uuid.uuid4()}</a:MessageID>"
    header += f"<a:RelatesTo>{escape(related)}</a:RelatesTo>"
    return f"<s:Envelope {DECLARED}><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>".encode()


def soap(user, text):
    """Status and envelope."""
    related = re.search(rb"MessageID[^>]*>([^<]+)<", text)
    related = related[1].decode() if related else ""
    try:
        action, body = Host(user).answer(text)
        return 200, envelope(action, related, body)
    except Fault as fault:
        body = (f"<s:Fault><s:Code><s:Value>{fault.value}</s:Value><s:Subcode><s:Value>{fault.subcode}</s:Value>"
                f'</s:Subcode></s:Code><s:Reason><s:Text xml:lang="it-IT">{escape(fault.words)}</s:Text></s:Reason>'
                f'<s:Detail><f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" '
                f'Code="{fault.code}" Machine="SRV"><f:Message>{escape(fault.words)}</f:Message></f:WSManFault>'
                f"</s:Detail></s:Fault>")
        return 500, envelope("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", related, body)


class Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet for each answer, at once.
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self):
        # HTTP.sys closes what is idle for two minutes.
        self.timeout = options.idle
        super().setup()
        self.context = None
        seen["connections"] += 1

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        with lock:
            state = json.dumps({**seen, "open": len(shells)})
        self.reply(200, state.encode(), [("Content-Type", "application/json")])

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        login = self.headers.get("Authorization")
        headers = []
        if login:
            headers = self.log_in(login)
            if headers is None:
                return
        elif self.context is None or not self.context.complete:
            return self.reply(401, headers=[("WWW-Authenticate", "Basic realm=\"WSMAN\"" if faulty("basic", "") else "Negotiate")])
        if not body:
            return self.reply(200, headers=headers)
        text = self.unsealed(body)
        if text is not None:
            self.answer(*soap(str(self.context.client_principal), text), headers)

    def log_in(self, login):
        """The headers of the answer once it is complete; None if it was answered."""
        if faulty("basic", ""):
            self.reply(401, headers=[("WWW-Authenticate", "Basic realm=\"WSMAN\""), ("WWW-Authenticate", "Kerberos")])
            return None
        scheme, token = login.split()
        token = base64.b64decode(token)
        if scheme != "Negotiate" and scheme != "NTLM":
            self.reply(401, headers=[("WWW-Authenticate", "Negotiate")])
            return None
        try:
            if self.context is None or self.context.complete:
                protocol = "ntlm" if token.startswith(b"NTLMSSP") else "negotiate"
                self.context = spnego.server(protocol=protocol, channel_bindings=options.bindings)
            out = self.context.step(token)
        except Exception as error:
            seen["refused_login"] += 1
            seen["problems"].append(repr(error))
            self.context = None
            self.reply(401, headers=[("WWW-Authenticate", "Negotiate")])
            return None
        if out and faulty("noseal", ""):
            flags = struct.unpack("<I", out[20:24])[0] & ~0x20
            out = out[:20] + struct.pack("<I", flags) + out[24:]
        headers = [("WWW-Authenticate", f"{scheme} " + base64.b64encode(out).decode())] if out else []
        if not self.context.complete:
            self.reply(401, headers=headers)
            return None
        seen["logins"] += 1
        return headers

    def unsealed(self, body):
        kind = self.headers.get("Content-Type", "")
        if options.tls:
            return body
        if not kind.startswith("multipart/encrypted") or METHOD not in kind:
            seen["refused_clear"] += 1
            self.reply(500)
            return None
        try:
            length = int(re.match(re.escape(OPENING).replace(rb"%d", rb"([0-9]+)"), body)[1])
            rest = body[len(OPENING % length):]
            size = struct.unpack("<I", rest[:4])[0]
            signature, sealed, end = rest[4:4 + size], rest[4 + size:4 + size + length], rest[4 + size + length:]
            if end != CLOSING:
                raise ValueError("the closing boundary is not where it should be")
            return self.context.unwrap_winrm(signature, sealed)
        except Exception as error:
            seen["refused_seal"] += 1
            seen["problems"].append(repr(error))
            self.reply(400)
            self.close_connection = True
            return None

    def answer(self, status, text, headers):
        name = seen["actions"][-1]
        if faulty("hang", name):
            time.sleep(3600)
        if faulty("oversized", name):
            text = text.replace(b"</s:Body>", b"<!--" + b"x" * (2 << 20) + b"--></s:Body>")
        if options.tls or faulty("clear", name):
            return self.reply(status, text, [*headers, ("Content-Type", "application/soap+xml;charset=UTF-8")])
        sealed = self.context.wrap_winrm(text)
        signature = sealed.header
        if faulty("signature", name):
            signature = signature[:5] + bytes([signature[5] ^ 1]) + signature[6:]
        body = OPENING % len(text) + struct.pack("<I", len(signature)) + signature + sealed.data + CLOSING
        kind = f'multipart/encrypted;protocol="{METHOD}";boundary="Encrypted Boundary"'
        if faulty("drop", name):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
            return self.connection.close()
        self.reply(status, body, [*headers, ("Content-Type", kind)])


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, address):
        # A client that goes away is what some tests do.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, address)


def certificate(folder):
    """A self-signed one of an elliptic curve, which TLS of today takes; its file and digest."""
    import datetime
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "SRV")])
    now = datetime.datetime(2020, 1, 1)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now).not_valid_after(now.replace(year=2090)).sign(key, hashes.SHA256()))
    path = os.path.join(folder, "certificate.pem")
    with open(path, "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
        file.write(made.public_bytes(serialization.Encoding.PEM))
    return path, hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).digest()


def ordered(text):
    name, *rest = text.split(":")
    numbers = [int(part) for part in rest if part.isdigit()]
    actions = [part for part in rest if not part.isdigit()]
    return {"name": name, "action": actions[0] if actions else "", "count": numbers[0] if numbers else 1}


def main():
    global options
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--users", required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--host")
    parser.add_argument("--idle", type=float, default=120)
    parser.add_argument("--fault", action="append", default=[], type=ordered)
    options = parser.parse_args()
    options.bindings = None
    os.environ["NTLM_USER_FILE"] = options.users
    server = Server((options.address, 0), Connection)
    if options.tls:
        with tempfile.TemporaryDirectory() as folder:
            path, digest = certificate(folder)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(path)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        options.bindings = GssChannelBindings(application_data=b"tls-server-end-point:" + digest)
        print("CERTIFICATE", digest.hex(), flush=True)
    print("PORT", server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    with lock:
        for name in list(shells):
            end_shell(name)


main()
