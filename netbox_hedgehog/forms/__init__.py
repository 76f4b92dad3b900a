from .bulk import *
from .discrepancy import *
from .fabric import *
from .filters import *
from .reachability import *
from .rule import *
