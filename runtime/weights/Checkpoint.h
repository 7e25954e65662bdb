// The tensors of a checkpoint: one safetensors file, a directory with model.safetensors, or a directory whose
// model.safetensors.index.json says which shard holds which tensor.
#pragma once

#include "runtime/weights/SafetensorsReader.h"

#include <map>
#include <memory>

namespace dsrt {

struct CheckpointTensor {
  const SafetensorsReader *file;
  const SafetensorsEntry *entry;
  std::span<const std::byte> data() const { return file->data(*entry); }
};

class Checkpoint {
public:
  static StatusOr<Checkpoint> open(const std::string &path);

  const std::string &path() const { return name; }
  // Null where the checkpoint has no such tensor.
  const CheckpointTensor *find(const std::string &tensor) const;
  const std::map<std::string, CheckpointTensor> &tensors() const { return table; }

private:
  Status addFile(const std::string &path);
  Status addIndex(const std::string &directory, const std::string &indexPath);
  std::string name;
  std::vector<std::unique_ptr<SafetensorsReader>> files;
  std::map<std::string, CheckpointTensor> table;
};

} // namespace dsrt
