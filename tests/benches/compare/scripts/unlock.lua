-- wrk: a PATCH for another user each time. Its token comes from the environment.
local n = 0
local headers = {
  ["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN"),
  ["Accept"] = "application/json",
  ["Content-Type"] = "application/json",
}
local body = '{"unlockMethods":["TOKEN","SMS","VOICE"]}'

function request()
  n = n + 1
  local path = string.format("/AdminInterface/restapi/v1/users/00000000-0000-4000-8000-%012x/methods", n)
  return wrk.format("PATCH", path, headers, body)
end
