#include <node_api.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/** (bytes from which memory is mapped by itself, free bytes at the end of an arena from which they are given back) → whether this malloc can be told */
static napi_value set_thresholds(napi_env env, napi_callback_info info) {
  size_t given = 2;
  napi_value argument[2], result;
  int32_t map = 0, trim = 0;
  bool told = false;
  if (napi_get_cb_info(env, info, &given, argument, NULL, NULL) != napi_ok || given < 2 || napi_get_value_int32(env, argument[0], &map) != napi_ok ||
      napi_get_value_int32(env, argument[1], &trim) != napi_ok) {
    napi_throw_type_error(env, NULL, "two numbers of bytes are needed");
    return NULL;
  }
#ifdef __GLIBC__
  told = mallopt(M_MMAP_THRESHOLD, map) == 1 && mallopt(M_TRIM_THRESHOLD, trim) == 1;
#endif
  napi_get_boolean(env, told, &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "setThresholds", NAPI_AUTO_LENGTH, set_thresholds, NULL, &function) != napi_ok) return NULL;
  napi_set_named_property(env, exports, "setThresholds", function);
  return exports;
}
