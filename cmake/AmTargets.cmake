# Every folder is one library. Its own build file names its sources and the only libraries it may use.

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
find_package(LLVM 19.1 REQUIRED CONFIG)
# What libraries link with as `${AM_LLVM}`: the shared library, or, where the program being linked says AM_STATIC_LLVM, those
# of its parts that are used. The shared one takes 18 ms to load, a third of an `amc check`; the parts take longer to link
# than tests are worth.
llvm_map_components_to_libnames(AM_LLVM_PARTS core orcjit passes support target x86codegen x86asmparser x86desc x86info)
set(AM_LLVM "$<IF:$<BOOL:$<TARGET_PROPERTY:AM_STATIC_LLVM>>,${AM_LLVM_PARTS},LLVM>")

add_library(am_warnings INTERFACE)
target_compile_options(am_warnings INTERFACE -Wall -Wextra -Werror -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees uninitialised members in std::variant and std::optional where there are none.
  target_compile_options(am_warnings INTERFACE -Wno-maybe-uninitialized)
endif()

option(AM_SANITIZE "Address and undefined-behaviour sanitizers" OFF)
if(AM_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

# am_library(NAME SOURCES … DEPENDS … [PRIVATE …])
function(am_library name)
  cmake_parse_arguments(LIB "" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${LIB_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${LIB_DEPENDS} fmt::fmt PRIVATE ${LIB_PRIVATE} am_warnings)
endfunction()

# am_test(NAME SOURCES … DEPENDS …): a GoogleTest program, one ctest entry for each of its tests.
function(am_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 600)
  endif()
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE ${TEST_DEPENDS} GTest::gtest GTest::gtest_main am_warnings)
  target_compile_definitions(${name} PRIVATE AM_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT})
endfunction()

# am_embed(OUT UNIT HEADER … SPACE … TYPE … FUNCTION … FILES …): a C++ unit that holds the texts of files, made anew when
# one of them changes (cmake/EmbedTexts.cmake).
function(am_embed)
  cmake_parse_arguments(EMBED "" "OUT;HEADER;SPACE;TYPE;FUNCTION" "FILES" ${ARGN})
  add_custom_command(
    OUTPUT ${EMBED_OUT}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${EMBED_FILES}" -DOUT=${EMBED_OUT} -DHEADER=${EMBED_HEADER} -DSPACE=${EMBED_SPACE}
            -DTYPE=${EMBED_TYPE} -DFUNCTION=${EMBED_FUNCTION} -P ${CMAKE_SOURCE_DIR}/cmake/EmbedTexts.cmake
    DEPENDS ${EMBED_FILES} ${CMAKE_SOURCE_DIR}/cmake/EmbedTexts.cmake
    VERBATIM)
endfunction()
