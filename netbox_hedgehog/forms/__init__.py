from .bulk import *
from .discrepancy import *
from .fabric import *
from .filters import *
from .rule import *
