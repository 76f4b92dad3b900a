from .cabling import *
from .discrepancy import *
from .event import *
from .fabric import *
from .health import *
from .link import *
from .resource import *
from .rule import *
