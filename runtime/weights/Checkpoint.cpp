#include "runtime/weights/Checkpoint.h"

#include "runtime/core/JsonFields.h"

#include <filesystem>

namespace dsrt {

namespace fs = std::filesystem;

static constexpr size_t maxIndexBytes = size_t(100) << 20;

StatusOr<Checkpoint> Checkpoint::open(const std::string &path) {
  Checkpoint checkpoint;
  checkpoint.name = path;
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    DSRT_RETURN_IF_ERROR(checkpoint.addFile(path));
    return checkpoint;
  }
  std::string index = path + "/model.safetensors.index.json", single = path + "/model.safetensors";
  if (fs::exists(index, error))
    DSRT_RETURN_IF_ERROR(checkpoint.addIndex(path, index));
  else if (fs::exists(single, error))
    DSRT_RETURN_IF_ERROR(checkpoint.addFile(single));
  else
    return Status::error(path + " holds neither model.safetensors nor model.safetensors.index.json");
  return checkpoint;
}

Status Checkpoint::addFile(const std::string &path) {
  DSRT_ASSIGN_OR_RETURN(SafetensorsReader reader, SafetensorsReader::open(path));
  files.push_back(std::make_unique<SafetensorsReader>(std::move(reader)));
  for (const SafetensorsEntry &entry : files.back()->tensors())
    table.emplace(entry.name, CheckpointTensor{files.back().get(), &entry});
  return Status();
}

Status Checkpoint::addIndex(const std::string &directory, const std::string &indexPath) {
  DSRT_ASSIGN_OR_RETURN(std::string text, readTextFile(indexPath, maxIndexBytes));
  DSRT_ASSIGN_OR_RETURN(nlohmann::json parsed, parseJson(text, indexPath));
  DSRT_ASSIGN_OR_RETURN(JsonObject root, JsonObject::of(parsed, indexPath));
  DSRT_ASSIGN_OR_RETURN(const nlohmann::json *map, root.field("weight_map"));
  if (!map->is_object())
    return Status::error(root.where("weight_map") + " must be an object, got " + describeJson(*map));

  std::map<std::string, const SafetensorsReader *> shards;
  for (auto &[tensor, shard] : map->items()) {
    if (!shard.is_string())
      return Status::error(indexPath + ": the shard of tensor '" + tensor + "' must be a file name, got " +
                           describeJson(shard));
    std::string file = shard.get<std::string>();
    // An index names its neighbours, never a file elsewhere.
    if (file.empty() || file.find('/') != std::string::npos || file.find('\0') != std::string::npos)
      return Status::error(indexPath + ": tensor '" + tensor + "' names shard '" + file +
                           "', expected a file name without a path");
    const SafetensorsReader *&reader = shards[file];
    if (!reader) {
      std::error_code error;
      if (!fs::exists(directory + "/" + file, error))
        return Status::error(indexPath + ": tensor '" + tensor + "' is in shard " + file + ", which is missing from " +
                             directory);
      DSRT_ASSIGN_OR_RETURN(SafetensorsReader opened, SafetensorsReader::open(directory + "/" + file));
      files.push_back(std::make_unique<SafetensorsReader>(std::move(opened)));
      reader = files.back().get();
    }
    const SafetensorsEntry *entry = reader->find(tensor);
    if (!entry)
      return Status::error(indexPath + ": tensor '" + tensor + "' should be in shard " + file +
                           ", which does not hold it");
    table.emplace(tensor, CheckpointTensor{reader, entry});
  }
  return Status();
}

const CheckpointTensor *Checkpoint::find(const std::string &tensor) const {
  auto it = table.find(tensor);
  return it == table.end() ? nullptr : &it->second;
}

} // namespace dsrt
