#include "client/cli/completion.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/arguments.h"

namespace farebox::cli {
namespace {

// What may follow an option or stand for a positional argument.
struct Argument {
  std::string name;  // --item; empty for a positional one.
  std::string description;
  std::vector<std::string> words;
  bool takes_value = false;
  bool is_file = false;
  bool is_directory = false;
};

struct Subcommand {
  std::string name;
  std::string description;
};

// One command, with its path from the root: "account create".
struct Node {
  std::string path;
  std::vector<Subcommand> subcommands;
  std::vector<Argument> arguments;
};

Argument ToArgument(const CLI::Option& option) {
  Argument argument;
  if (!option.get_lnames().empty()) argument.name = absl::StrCat("--", option.get_lnames()[0]);
  argument.description = option.get_description();
  argument.takes_value = option.get_items_expected_max() > 0;
  std::string type = option.get_type_name();
  argument.is_file = type == kFileType;
  argument.is_directory = type == kDirectoryType;
  if (absl::StartsWith(type, "{") && absl::EndsWith(type, "}")) {
    argument.words = absl::StrSplit(type.substr(1, type.size() - 2), ',');
  }
  return argument;
}

void Walk(const CLI::App& app, const std::string& path, std::vector<Node>* nodes) {
  Node node = {.path = path};
  for (const CLI::Option* option : app.get_options()) {
    node.arguments.push_back(ToArgument(*option));
  }
  const std::vector<const CLI::App*> subcommands =
      app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* subcommand : subcommands) {
    node.subcommands.push_back({subcommand->get_name(), subcommand->get_description()});
  }
  nodes->push_back(std::move(node));
  for (const CLI::App* subcommand : subcommands) {
    const std::string& name = subcommand->get_name();
    Walk(*subcommand, path.empty() ? name : absl::StrCat(path, " ", name), nodes);
  }
}

// In single quotes, for all three shells.
std::string Quoted(const std::string& text, Shell shell) {
  const char* const quote = shell == Shell::kFish ? "\\'" : "'\\''";
  std::string escaped = text;
  if (shell == Shell::kFish) escaped = absl::StrReplaceAll(escaped, {{"\\", "\\\\"}});
  return absl::StrCat("'", absl::StrReplaceAll(escaped, {{"'", quote}}), "'");
}

std::vector<std::string> Names(const Node& node) {
  std::vector<std::string> names;
  for (const Subcommand& subcommand : node.subcommands) names.push_back(subcommand.name);
  for (const Argument& argument : node.arguments) {
    if (!argument.name.empty()) names.push_back(argument.name);
  }
  return names;
}

// The words of positional arguments are offered in any place: which one is meant is not counted.
std::vector<std::string> PositionalWords(const Node& node) {
  std::vector<std::string> words;
  for (const Argument& argument : node.arguments) {
    if (argument.name.empty()) {
      words.insert(words.end(), argument.words.begin(), argument.words.end());
    }
  }
  return words;
}

bool TakesFile(const Node& node) {
  return std::any_of(node.arguments.begin(), node.arguments.end(), [](const Argument& argument) {
    return argument.name.empty() && argument.is_file;
  });
}

// Options that take a value: the word after one is no command.
std::string ValueOptions(const std::vector<Node>& nodes) {
  std::vector<std::string> names;
  for (const Node& node : nodes) {
    for (const Argument& argument : node.arguments) {
      if (!argument.name.empty() && argument.takes_value) names.push_back(argument.name);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return absl::StrJoin(names, "|");
}

std::string CommandPaths(const std::vector<Node>& nodes) {
  std::vector<std::string> paths;
  for (const Node& node : nodes) {
    if (!node.path.empty()) paths.push_back(absl::StrCat("\"", node.path, "\""));
  }
  return absl::StrJoin(paths, "|");
}

// Reads what is offered line by line: names of files may have blanks in them.
std::string BashReply(const std::string& compgen) {
  return absl::StrCat("mapfile -t COMPREPLY < <(compgen ", compgen, " -- \"$current\")");
}

// What the values of options may be, as lines of a case statement.
std::string BashValueCases(const std::vector<Node>& nodes) {
  std::string cases;
  for (const Node& node : nodes) {
    for (const Argument& argument : node.arguments) {
      if (argument.name.empty()) continue;
      std::string compgen;
      if (argument.is_file) compgen = "-f";
      if (argument.is_directory) compgen = "-d";
      if (!argument.words.empty()) {
        compgen = absl::StrCat("-W '", absl::StrJoin(argument.words, " "), "'");
      }
      if (compgen.empty()) continue;
      absl::StrAppend(&cases, "    \"", node.path, ":", argument.name, "\") ", BashReply(compgen),
                      "; return ;;\n");
    }
  }
  return cases;
}

std::string BashWordCases(const std::vector<Node>& nodes) {
  std::string cases;
  for (const Node& node : nodes) {
    std::vector<std::string> words = Names(node);
    const std::vector<std::string> positional = PositionalWords(node);
    words.insert(words.end(), positional.begin(), positional.end());
    if (!node.path.empty()) {
      for (const Argument& argument : nodes[0].arguments) {
        if (argument.name != "--help") words.push_back(argument.name);
      }
    }
    absl::StrAppend(&cases, "    \"", node.path, "\") words='", absl::StrJoin(words, " "), "'",
                    TakesFile(node) ? "; files=1" : "", " ;;\n");
  }
  return cases;
}

constexpr char kBashScript[] = R"(# Completes `farebox` in bash.
_farebox() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD - 1]}"
  local path= word words= files= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    case "$word" in
      @VALUE_OPTIONS@) ((i++)); continue ;;
    esac
    case "${path:+$path }$word" in
      @COMMANDS@) path="${path:+$path }$word" ;;
    esac
  done
  COMPREPLY=()
  case "$path:$previous" in
@VALUES@  esac
  case "$previous" in
    @VALUE_OPTIONS@) return ;;
  esac
  case "$path" in
@WORDS@  esac
  mapfile -t COMPREPLY < <(
    compgen -W "$words" -- "$current"
    [[ -z $files ]] || compgen -f -- "$current"
  )
}
complete -o filenames -F _farebox farebox
)";

std::string BashScript(const std::vector<Node>& nodes) {
  return absl::StrReplaceAll(kBashScript, {{"@VALUE_OPTIONS@", ValueOptions(nodes)},
                                           {"@COMMANDS@", CommandPaths(nodes)},
                                           {"@VALUES@", BashValueCases(nodes)},
                                           {"@WORDS@", BashWordCases(nodes)}});
}

// zsh's own words for what follows an option.
std::string ZshValue(const Argument& argument) {
  if (!argument.takes_value) return "";
  std::string action = " ";
  if (argument.is_file) action = "_files";
  if (argument.is_directory) action = "_files -/";
  if (!argument.words.empty()) {
    action = absl::StrCat("(", absl::StrJoin(argument.words, " "), ")");
  }
  return absl::StrCat(":", absl::StripPrefix(argument.name, "--"), ":", action);
}

std::string ZshArguments(const Node& node, const Node& root) {
  std::string specs;
  const auto add = [&specs](const Argument& argument) {
    const std::string description =
        absl::StrReplaceAll(argument.description, {{"[", "("}, {"]", ")"}, {":", "\\:"}});
    const std::string spec =
        argument.name.empty()
            ? absl::StrCat(":argument", ZshValue(argument).substr(1))
            : absl::StrCat(argument.name, "[", description, "]", ZshValue(argument));
    absl::StrAppend(&specs, " \\\n        ", Quoted(spec, Shell::kZsh));
  };
  for (const Argument& argument : node.arguments) add(argument);
  if (!node.path.empty()) {
    for (const Argument& argument : root.arguments) {
      if (argument.name != "--help") add(argument);
    }
  }
  return specs;
}

std::string ZshFunctionName(const std::string& path) {
  return absl::StrCat("_farebox", path.empty() ? "" : "_",
                      absl::StrReplaceAll(path, {{" ", "_"}, {"-", "_"}}));
}

// One function a command: its options, and behind them the functions of its own commands.
std::string ZshFunction(const Node& node, const Node& root) {
  std::string text = absl::StrCat(ZshFunctionName(node.path), "() {\n");
  if (node.subcommands.empty()) {
    absl::StrAppend(&text, "  _arguments", ZshArguments(node, root), "\n}\n");
    return text;
  }
  absl::StrAppend(&text, "  local line state\n  _arguments -C", ZshArguments(node, root),
                  " \\\n        '1: :->command' '*::argument:->rest'\n  case $state in\n",
                  "    command)\n      local -a commands=(\n");
  for (const Subcommand& subcommand : node.subcommands) {
    absl::StrAppend(&text, "        ",
                    Quoted(absl::StrCat(subcommand.name, ":", subcommand.description), Shell::kZsh),
                    "\n");
  }
  absl::StrAppend(&text, "      )\n      _describe command commands ;;\n    rest)\n",
                  "      case $line[1] in\n");
  for (const Subcommand& subcommand : node.subcommands) {
    const std::string path =
        node.path.empty() ? subcommand.name : absl::StrCat(node.path, " ", subcommand.name);
    absl::StrAppend(&text, "        ", subcommand.name, ") ", ZshFunctionName(path), " ;;\n");
  }
  absl::StrAppend(&text, "      esac ;;\n  esac\n}\n");
  return text;
}

std::string ZshScript(const std::vector<Node>& nodes) {
  std::string text = "#compdef farebox\n# Completes `farebox` in zsh.\n";
  for (const Node& node : nodes) absl::StrAppend(&text, ZshFunction(node, nodes[0]));
  absl::StrAppend(&text, "compdef _farebox farebox\n");
  return text;
}

// Whether the command line has got to `path` and no further.
std::string FishCondition(const Node& node) {
  std::vector<std::string> conditions;
  for (const std::string& name :
       std::vector<std::string>(absl::StrSplit(node.path, ' ', absl::SkipEmpty()))) {
    conditions.push_back(absl::StrCat("__fish_seen_subcommand_from ", name));
  }
  if (!node.subcommands.empty()) {
    std::string names =
        absl::StrJoin(node.subcommands, " ", [](std::string* out, const Subcommand& subcommand) {
          absl::StrAppend(out, subcommand.name);
        });
    conditions.push_back(absl::StrCat("not __fish_seen_subcommand_from ", names));
  }
  return absl::StrJoin(conditions, "; and ");
}

std::string FishScript(const std::vector<Node>& nodes) {
  std::string text = "# Completes `farebox` in fish.\ncomplete -c farebox -f\n";
  for (const Node& node : nodes) {
    // The root's options may stand anywhere.
    const std::string condition = absl::StrCat(" -n ", Quoted(FishCondition(node), Shell::kFish));
    for (const Subcommand& subcommand : node.subcommands) {
      absl::StrAppend(&text, "complete -c farebox", condition, " -a ", subcommand.name, " -d ",
                      Quoted(subcommand.description, Shell::kFish), "\n");
    }
    for (const Argument& argument : node.arguments) {
      absl::StrAppend(&text, "complete -c farebox", node.path.empty() ? "" : condition);
      if (!argument.name.empty()) {
        absl::StrAppend(&text, " -l ", absl::StripPrefix(argument.name, "--"));
        if (argument.takes_value) absl::StrAppend(&text, argument.is_file ? " -r" : " -x");
      }
      if (argument.is_file) absl::StrAppend(&text, " -F");
      if (argument.is_directory) absl::StrAppend(&text, " -a '(__fish_complete_directories)'");
      if (!argument.words.empty()) {
        absl::StrAppend(&text, " -a ", Quoted(absl::StrJoin(argument.words, " "), Shell::kFish));
      }
      absl::StrAppend(&text, " -d ", Quoted(argument.description, Shell::kFish), "\n");
    }
  }
  return text;
}

}  // namespace

std::string CompletionScript(const CLI::App& root, Shell shell) {
  std::vector<Node> nodes;
  Walk(root, "", &nodes);
  switch (shell) {
    case Shell::kBash:
      return BashScript(nodes);
    case Shell::kZsh:
      return ZshScript(nodes);
    case Shell::kFish:
      return FishScript(nodes);
  }
  return "";
}

}  // namespace farebox::cli
