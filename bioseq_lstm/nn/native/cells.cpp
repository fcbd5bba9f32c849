// Every cell's time loop, in one library.
#include "dynamic.h"
#include "exponential.h"
#include "fuzzy.h"
#include "gated.h"
#include "hierarchical.h"
#include "layer_norm.h"
#include "multiplicative.h"
#include "skip.h"
