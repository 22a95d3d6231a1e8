#include "wire_sizes.h"

#include <kv.h>

size_t c_size_of_kv_put_args(void) { return sizeof(kv_put_args); }
size_t c_size_of_kv_put_result(void) { return sizeof(kv_put_result); }
size_t c_size_of_kv_get_result(void) { return sizeof(kv_get_result); }
size_t c_size_of_kv_replicas_result(void) { return sizeof(kv_replicas_result); }
size_t c_size_of_kv_status_result(void) { return sizeof(kv_status_result); }
size_t c_size_of_kv_envelope(void) { return sizeof(kv_envelope); }
size_t c_size_of_kv_rput_args(void) { return sizeof(kv_rput_args); }
size_t c_size_of_kv_rput_result(void) { return sizeof(kv_rput_result); }
size_t c_size_of_kv_command_body(void) { return sizeof(kv_command_body); }
size_t c_size_of_kv_transact_args(void) { return sizeof(kv_transact_args); }
size_t c_size_of_kv_transact_result(void) { return sizeof(kv_transact_result); }
size_t c_size_of_kv_range_args(void) { return sizeof(kv_range_args); }
size_t c_size_of_kv_range_result(void) { return sizeof(kv_range_result); }
size_t c_size_of_kv_session_result(void) { return sizeof(kv_session_result); }
