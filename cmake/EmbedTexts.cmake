# Writes OUT, a C++ unit with the texts of FILES as raw literals (in pieces, since compilers bound their length): the body of
# am::FUNCTION, which HEADER declares.
set(body "#include \"${HEADER}\"\n\nnamespace am {\nnamespace {\nconstexpr LibraryFile kFiles[] = {\n")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} text)
  string(APPEND body "{\"${name}\", R\"am_text(${text})am_text\"},\n")
endforeach()
string(APPEND body "};\n}  // namespace\nstd::span<const LibraryFile> ${FUNCTION}() { return kFiles; }\n}  // namespace am\n")
file(WRITE ${OUT} "${body}")
