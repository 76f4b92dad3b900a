from .discrepancy import *
from .fabric import *
from .inventory import *
from .onboarding import *
from .resource import *
