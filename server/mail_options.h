#ifndef FAREBOX_SERVER_MAIL_OPTIONS_H_
#define FAREBOX_SERVER_MAIL_OPTIONS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "server/mailing.h"

// What an operator can set of mails.
namespace farebox::server {

// Adds the options, which are read into `options`, and the password's file into `password_file`.
void AddMailOptions(CLI::App* app, Mailing::Options* options, std::string* password_file);

// Reads the password and checks all that the route needs; what it does not need is not looked at.
// INVALID_ARGUMENT names the option and says what it must be.
absl::Status CompleteMailOptions(const std::string& password_file, Mailing::Options* options);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_MAIL_OPTIONS_H_
