#ifndef FAREBOX_CLIENT_CLI_SHOW_H_
#define FAREBOX_CLIENT_CLI_SHOW_H_

#include <string>

#include "client/cli/facts.h"
#include "farebox/v1/entry.pb.h"
#include "farebox/v1/usage.pb.h"

// How what several commands show is put into words.
namespace farebox::cli {

// "outbound call to 15551234567", "number +4930123"; empty where there is none.
std::string DescribeUsage(const v1::Usage& usage);

// "0.012 a minute, 30/6 s, connect 0.01"
std::string DescribePrice(const v1::Price& price);

// "46 0.012 a minute..., standard@1:17"
void AddPrice(const v1::Price& price, Facts* facts);

// What it is about: the usage, or else the item.
std::string DescribeEntry(const v1::Entry& entry);

// What is odd about it: refund of 12, overrun, late, insufficient-balance, and its description.
std::string Remarks(const v1::Entry& entry);

// The lines of an entry of a debit, credit or release.
void AddEntry(Session* session, const v1::Entry& entry, const std::string& currency, Facts* facts);

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_SHOW_H_
