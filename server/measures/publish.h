// Measures for people outside the direct-care team. Pure.
//
// A count of people or of what was recorded about them from 1 to 7 is not shown, nor a share whose
// complement is such a count; all others are rounded to 5. Where that leaves one part of a whole
// unshown (of one site's figures, or of the same figure of all sites), the smallest other part is
// not shown either, or it could be worked out from the rest. (NHS England, disclosure control for
// Hospital Episode Statistics: 1 to 7 suppressed, others rounded to the nearest 5.)
//
// What stays as it is: how far the figures can be trusted (tablets and their silence), which is
// about nobody. Two publications of overlapping groups still tell a small difference between them
// only to within a range (a test tries).
#ifndef SERVER_MEASURES_PUBLISH_H_
#define SERVER_MEASURES_PUBLISH_H_

#include "server/measures/measures.h"

namespace doorstep::server {

Measures ForPublication(Measures measures);

}  // namespace doorstep::server

#endif  // SERVER_MEASURES_PUBLISH_H_
