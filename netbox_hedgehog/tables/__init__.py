from .cabling import *
from .event import *
from .fabric import *
from .health import *
from .inventory import *
from .resource import *
from .rule import *
