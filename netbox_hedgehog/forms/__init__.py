from .bulk import *
from .fabric import *
from .filters import *
