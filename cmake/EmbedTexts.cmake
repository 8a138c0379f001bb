# Writes OUT, a C++ unit with the texts of FILES as raw literals (in pieces, since compilers bound their length).
set(body "#include \"compiler/driver/stdlib.h\"\n\nnamespace am {\nnamespace {\nconstexpr LibraryFile kFiles[] = {\n")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} text)
  string(APPEND body "{\"${name}\", R\"am_text(${text})am_text\"},\n")
endforeach()
string(APPEND body "};\n}  // namespace\nstd::span<const LibraryFile> standard_library() { return kFiles; }\n}  // namespace am\n")
file(WRITE ${OUT} "${body}")
