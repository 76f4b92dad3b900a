from .discrepancy import *
from .fabric import *
from .inventory import *
from .resource import *
