#include "client/cli/app.h"

int main(int argc, char** argv) { return farebox::cli::RunApp(argc, argv); }
