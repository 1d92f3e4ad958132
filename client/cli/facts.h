#ifndef FAREBOX_CLIENT_CLI_FACTS_H_
#define FAREBOX_CLIENT_CLI_FACTS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/session.h"
#include "client/cli/table.h"

namespace farebox::cli {

// One thing, a line for each thing that is known of it. Amounts are lined up at their points.
// Thread-compatible.
class Facts {
 public:
  explicit Facts(Session* session) : session_(session) {}

  // Leaves out what is empty.
  Facts& Add(std::string name, Cell value);
  Facts& AddMoney(std::string name, int64_t micros, absl::string_view currency);
  // Leaves out zero.
  Facts& AddNumber(std::string name, int64_t number);

  void Print() const;

 private:
  struct Fact {
    std::string name;
    Cell value;
    bool is_money = false;
  };

  Session* const session_;
  std::vector<Fact> facts_;
};

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_FACTS_H_
