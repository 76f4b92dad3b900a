from .discrepancy import *
from .fabric import *
from .health import *
from .inventory import *
from .onboarding import *
from .resource import *
from .topology import *
from .vpc import *
