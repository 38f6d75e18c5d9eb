# Writes the .sql files of DIR, in order of name, as C++: cmake -DDIR=server/schema -DOUT=x.cc
# -P embed_migrations.cmake defines doorstep::server::Migrations().

file(GLOB files ${DIR}/*.sql)
list(SORT files)
set(rows "")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME_WE)
  string(REGEX MATCH "^[0-9]+" digits ${name})
  math(EXPR version "1${digits} - 10000")
  file(READ ${file} sql)
  string(APPEND rows "      {${version}, \"${name}\", R\"sql(${sql})sql\"},\n")
endforeach()
file(WRITE ${OUT}
"// Generated.
#include \"server/migrations.h\"
namespace doorstep::server {
std::vector<Migration> Migrations() {
  return {
${rows}  };
}
}  // namespace doorstep::server
")
