#pragma once

/* The sizes of the types of kv.x as a C compiler sees them. */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

size_t c_size_of_kv_put_args(void);
size_t c_size_of_kv_put_result(void);
size_t c_size_of_kv_get_result(void);
size_t c_size_of_kv_replicas_result(void);
size_t c_size_of_kv_status_result(void);
size_t c_size_of_kv_envelope(void);
size_t c_size_of_kv_rput_args(void);
size_t c_size_of_kv_rput_result(void);
size_t c_size_of_kv_command_body(void);
size_t c_size_of_kv_transact_args(void);
size_t c_size_of_kv_transact_result(void);
size_t c_size_of_kv_range_args(void);
size_t c_size_of_kv_range_result(void);
size_t c_size_of_kv_session_result(void);

#ifdef __cplusplus
}
#endif
