"""Makes a machine in a vCenter as another program would: off, its card unplugged, with no mark of ours.

foreign_machine.py PORT USER FOLDER POOL NAME, with the password in VCENTER_PASSWORD.
"""
import http.client
import os
import re
import ssl
import sys
from xml.sax.saxutils import escape

port, user, folder, pool, name = sys.argv[1:]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
connection = http.client.HTTPSConnection("127.0.0.1", int(port), context=context)
cookie = None


def call(body):
    global cookie
    envelope = (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        f"{body}</soapenv:Body></soapenv:Envelope>"
    )
    headers = {"Content-Type": "text/xml", "SOAPAction": '"urn:vim25/6.5"'}
    if cookie:
        headers["Cookie"] = cookie
    connection.request("POST", "/sdk", envelope.encode(), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    cookie = (answer.getheader("Set-Cookie") or cookie or "").split(";")[0]
    if answer.status != 200:
        sys.exit(f"{answer.status}: {text}")
    return text


def find(path):
    found = call(
        '<FindByInventoryPath xmlns="urn:vim25"><_this type="SearchIndex">SearchIndex</_this>'
        f"<inventoryPath>{escape(path)}</inventoryPath></FindByInventoryPath>"
    )
    return re.search(r"<returnval [^>]*>([^<]+)</returnval>", found).group(1)


password = escape(os.environ["VCENTER_PASSWORD"])
call(
    '<Login xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this>'
    f"<userName>{escape(user)}</userName><password>{password}</password></Login>"
)
card = (
    '<deviceChange><operation>add</operation><device xsi:type="VirtualE1000"><key>-1</key>'
    '<backing xsi:type="VirtualEthernetCardNetworkBackingInfo"><deviceName>VM Network</deviceName></backing>'
    "<connectable><startConnected>false</startConnected><allowGuestControl>true</allowGuestControl>"
    "<connected>false</connected></connectable></device></deviceChange>"
)
call(
    f'<CreateVM_Task xmlns="urn:vim25"><_this type="Folder">{find(folder)}</_this><config><name>{escape(name)}</name>'
    "<guestId>windows7Server64Guest</guestId><files><vmPathName>[LocalDS_0]</vmPathName></files>"
    f"<numCPUs>1</numCPUs><memoryMB>1024</memoryMB>{card}</config>"
    f'<pool type="ResourcePool">{find(pool)}</pool></CreateVM_Task>'
)
