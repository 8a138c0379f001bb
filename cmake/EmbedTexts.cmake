# Writes OUT, a C++ unit with the texts of FILES as raw literals: the definition of FUNCTION, declared in HEADER in the
# namespace SPACE, which gives them as a span of TYPE, pairs of a file's name and its text.
set(body "#include \"${HEADER}\"\n\nnamespace ${SPACE} {\nnamespace {\nconstexpr ${TYPE} kFiles[] = {\n")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} text)
  string(APPEND body "{\"${name}\", R\"am_text(${text})am_text\"},\n")
endforeach()
string(APPEND body "};\n}  // namespace\nstd::span<const ${TYPE}> ${FUNCTION}() { return kFiles; }\n}  // namespace ${SPACE}\n")
file(WRITE ${OUT} "${body}")
