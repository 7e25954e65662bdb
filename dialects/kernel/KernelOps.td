// All operations of the dialect, for the generators.
include "dialects/kernel/AttentionOps.td"
include "dialects/kernel/BufferOps.td"
include "dialects/kernel/LaunchOps.td"
include "dialects/kernel/MatmulOps.td"
include "dialects/kernel/RouterOps.td"
include "dialects/kernel/RowOps.td"
