#include "amc/program.h"

int main(int argc, char** argv) { return am::program::run_command(argc, argv); }
