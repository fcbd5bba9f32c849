// Every cell's time loop, in one library.
#include "gated.h"
