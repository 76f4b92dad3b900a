from .discrepancy import *
from .fabric import *
from .link import *
from .resource import *
