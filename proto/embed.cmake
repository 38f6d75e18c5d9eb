# Writes the bytes of a file as C++: cmake -DINPUT=file -DNAME=kSome -DSTEM=dir/some -P embed.cmake
# makes dir/some.h, which declares `extern const unsigned char kSome[]` and `kSomeSize` in
# namespace doorstep, and dir/some.cc, which defines them.

file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
get_filename_component(header ${STEM}.h NAME)

file(WRITE ${STEM}.h
"// Generated. The bytes are in the program, so that it needs no file beside it.
#pragma once
#include <cstddef>
namespace doorstep {
extern const unsigned char ${NAME}[];
extern const std::size_t ${NAME}Size;
}  // namespace doorstep
")
file(WRITE ${STEM}.cc
"// Generated.
#include \"${header}\"
namespace doorstep {
const unsigned char ${NAME}[] = {
${hex}
};
const std::size_t ${NAME}Size = ${size};
}  // namespace doorstep
")
