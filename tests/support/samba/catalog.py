# Whether this controller is a global catalog: catalog.py 0|1.
import sys

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

settings = LoadParm()
settings.load_default()
directory = SamDB(lp=settings, session_info=system_session())
change = ldb.Message(ldb.Dn(directory, directory.get_dsServiceName()))
change["options"] = ldb.MessageElement(sys.argv[1], ldb.FLAG_MOD_REPLACE, "options")
directory.modify(change)
