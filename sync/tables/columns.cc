#include "sync/tables/columns.h"

#include <deque>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "sync/base/status.h"
#include "sync/change/wire.h"

namespace doorstep {
namespace {

void BindScalar(const ScalarSpec& spec, const Scalar& scalar, int parameter, Statement* statement) {
  if (!scalar.present) {
    statement->BindNull(parameter);
    return;
  }
  switch (spec.type) {
    case ValueType::kInt:
    case ValueType::kBool:
    case ValueType::kEnum:
      statement->BindInt(parameter, scalar.integer);
      return;
    case ValueType::kDouble:
      statement->BindDouble(parameter, scalar.real);
      return;
    case ValueType::kString:
      statement->BindText(parameter, scalar.bytes);
      return;
    case ValueType::kBytes:
    case ValueType::kAtomic:
      statement->BindBlob(parameter, scalar.bytes);
      return;
  }
}

Scalar ReadScalar(const ScalarSpec& spec, const Statement& statement, int column) {
  Scalar scalar;
  if (statement.IsNull(column)) return scalar;
  scalar.present = true;
  switch (spec.type) {
    case ValueType::kInt:
    case ValueType::kBool:
    case ValueType::kEnum:
      scalar.integer = statement.Int(column);
      break;
    case ValueType::kDouble:
      scalar.real = statement.Double(column);
      break;
    case ValueType::kString:
      scalar.bytes = statement.Text(column);
      break;
    case ValueType::kBytes:
    case ValueType::kAtomic:
      scalar.bytes = statement.Blob(column);
      break;
  }
  return scalar;
}

// ["newsagent", "park"] or [1, 3].
absl::StatusOr<std::string> SetAsJson(const FieldSpec& field,
                                      const std::vector<std::string>& elements) {
  nlohmann::json array = nlohmann::json::array();
  for (const std::string& element : elements) {
    DOORSTEP_ASSIGN_OR_RETURN(const Scalar scalar, DecodeScalar(field.scalar, element));
    if (field.scalar.type == ValueType::kString) {
      array.push_back(std::string(scalar.bytes));
    } else {
      array.push_back(scalar.integer);
    }
  }
  return array.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

absl::Status BindEffective(const FieldSpec& field, const Effective& effective, int* parameter,
                           std::deque<std::string>* keep, Statement* statement) {
  if (field.is_set()) {
    const int at = (*parameter)++;
    if (effective.elements.empty()) {
      statement->BindNull(at);
      return absl::OkStatus();
    }
    DOORSTEP_ASSIGN_OR_RETURN(std::string json, SetAsJson(field, effective.elements));
    statement->BindText(at, keep->emplace_back(std::move(json)));
    return absl::OkStatus();
  }
  if (field.parts.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const Scalar scalar, DecodeScalar(field.scalar, effective.value));
    BindScalar(field.scalar, scalar, (*parameter)++, statement);
    return absl::OkStatus();
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<Scalar> parts, DecodeParts(field, effective.value));
  for (size_t i = 0; i < parts.size(); ++i) {
    BindScalar(field.parts[i], parts[i], (*parameter)++, statement);
  }
  return absl::OkStatus();
}

std::string ColumnValue(const FieldSpec& field, const Statement& statement, int column) {
  if (field.parts.empty()) {
    return EncodeScalar(field.scalar, ReadScalar(field.scalar, statement, column));
  }
  std::vector<Scalar> parts;
  parts.reserve(field.parts.size());
  for (const ScalarSpec& part : field.parts) {
    parts.push_back(ReadScalar(part, statement, column++));
  }
  return EncodeParts(field, parts);
}

}  // namespace doorstep
