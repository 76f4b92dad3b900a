from .fabric import *
from .resource import *
