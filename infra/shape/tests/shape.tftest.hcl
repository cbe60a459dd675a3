# Offline: this module needs no provider. Run: terraform test (in infra/shape).

variables {
  region              = "cn-north-4"
  project_id          = ""
  name                = "nightdrop"
  bucket_prefix       = "depots"
  runtime             = "Python3.10"
  memory_size         = 512
  timeout             = 300
  initializer_timeout = 60
  max_instances       = 20
  drop_prefix         = "drop/"
  spec_days           = 90
  results_bucket      = ""
  results_prefix      = "results/"
  policy              = ""
  timers              = {}
  tick_minutes        = 5
  eventgrid           = null
  obs_events          = ["s3:ObjectCreated:*"]
  retries             = 3
  event_age           = 21600
  settings            = {}
  topic               = ""
  webhook             = null
  summary             = ""
  checkpoint_key      = ""
  database_address    = ""
  in_vpc              = false
}

run "the_least" {
  assert {
    condition     = jsondecode(output.user_data).NIGHTDROP_AUDIT == "obs://depots-log/audit/"
    error_message = "The log is in OBS unless a database is asked for."
  }
  assert {
    condition     = nonsensitive(output.secret_user_data) == ""
    error_message = "Nothing is secret."
  }
  assert {
    condition     = jsondecode(output.timers.tick.event_data).schedule == "5m"
    error_message = "The reconciler ticks."
  }
  assert {
    condition     = output.drop_trigger.type == "OBS"
    error_message = "The drop bucket has a classic trigger."
  }
}

run "a_database_is_a_secret" {
  variables {
    database_address = "postgresql://nightdrop:word@10.83.0.10:5432/nightdrop"
    in_vpc           = true
  }
  assert {
    condition     = !contains(keys(jsondecode(output.user_data)), "NIGHTDROP_AUDIT")
    error_message = "Its address holds a password."
  }
  assert {
    condition     = strcontains(nonsensitive(output.secret_user_data), "10.83.0.10")
    error_message = "Its address is kept encrypted."
  }
  assert {
    condition     = strcontains(output.project_policy, "vpc:ports:create")
    error_message = "The function joins a VPC."
  }
}

run "results_beside_the_watched_prefix" {
  variables {
    results_bucket = "depots-drop"
  }
  assert {
    condition     = jsondecode(output.user_data).NIGHTDROP_RESULTS == "obs://depots-drop/results/"
    error_message = "The drop bucket takes results outside the watched prefix."
  }
}

run "results_inside_the_watched_prefix" {
  command = plan
  variables {
    results_bucket = "depots-drop"
    results_prefix = "drop/results/"
  }
  expect_failures = [var.results_prefix]
}

run "results_around_the_watched_prefix" {
  command = plan
  variables {
    results_bucket = "depots-drop"
    results_prefix = "drop/"
    drop_prefix    = "drop/in/"
  }
  expect_failures = [var.results_prefix]
}

run "everything_watched" {
  command = plan
  variables {
    drop_prefix = ""
  }
  expect_failures = [var.drop_prefix]
}

run "a_pattern_is_watched" {
  command = plan
  variables {
    drop_prefix = "drop/*/"
  }
  expect_failures = [var.drop_prefix]
}

run "an_encoded_prefix_is_watched" {
  command = plan
  variables {
    drop_prefix = "drop%2F/"
  }
  expect_failures = [var.drop_prefix]
}

run "a_relative_prefix_is_watched" {
  command = plan
  variables {
    drop_prefix = "./drop/"
  }
  expect_failures = [var.drop_prefix]
}

run "specs_that_expire_before_their_jobs" {
  command = plan
  variables {
    spec_days = 30
  }
  expect_failures = [var.spec_days]
}

run "a_standing_spec_that_expires" {
  command = plan
  variables {
    timers = {
      weekly = { cron = "0 0 2 * * SUN", spec = "{\"spec\": \"obs://depots-drop/drop/a.yaml\"}", enabled = true }
    }
  }
  expect_failures = [var.timers]
}

run "a_log_in_a_file" {
  command = plan
  variables {
    settings = { NIGHTDROP_AUDIT_MOUNT = "single-instance" }
  }
  expect_failures = [var.settings]
}

run "too_many_settings" {
  command = plan
  variables {
    settings = { for number in range(15) : "NIGHTDROP_FURTHER_${number}" => "1" }
  }
  expect_failures = [output.user_data]
}

run "too_long_settings" {
  command = plan
  variables {
    settings = { NIGHTDROP_FURTHER = join("", [for number in range(512) : "12345678"]) }
  }
  expect_failures = [output.user_data]
}

run "a_setting_that_follows" {
  command = plan
  variables {
    settings = { NIGHTDROP_AUDIT = "sqlite:////tmp/audit.db" }
  }
  expect_failures = [var.settings]
}

run "a_setting_of_something_else" {
  command = plan
  variables {
    settings = { PATH = "/tmp" }
  }
  expect_failures = [var.settings]
}

run "another_runtime" {
  command = plan
  variables {
    runtime = "Python3.9"
  }
  expect_failures = [var.runtime]
}

run "too_long_a_timeout" {
  command = plan
  variables {
    timeout = 901
  }
  expect_failures = [var.timeout]
}

run "too_short_a_timeout" {
  command = plan
  variables {
    timeout = 3
  }
  expect_failures = [var.timeout]
}

run "too_long_a_start" {
  command = plan
  variables {
    initializer_timeout = 301
  }
  expect_failures = [var.initializer_timeout]
}

run "odd_memory" {
  command = plan
  variables {
    memory_size = 500
  }
  expect_failures = [var.memory_size]
}

run "a_single_instance" {
  command = plan
  variables {
    max_instances = 1
  }
  expect_failures = [var.max_instances]
}

run "too_many_retries" {
  command = plan
  variables {
    retries = 4
  }
  expect_failures = [var.retries]
}

run "too_old_events" {
  command = plan
  variables {
    event_age = 86401
  }
  expect_failures = [var.event_age]
}

run "an_unknown_region" {
  command = plan
  variables {
    region = "eu-de"
  }
  expect_failures = [var.region]
}

run "an_unknown_region_with_an_endpoint" {
  variables {
    region   = "eu-de"
    settings = { NIGHTDROP_IEF_ENDPOINT = "https://ief.eu-de.example.com" }
  }
}

run "removed_objects" {
  command = plan
  variables {
    obs_events = ["s3:ObjectRemoved:*"]
  }
  expect_failures = [var.obs_events]
}

run "five_fields_of_cron" {
  command = plan
  variables {
    timers = { nightly = { cron = "0 2 * * *", spec = "{}", enabled = true } }
  }
  expect_failures = [var.timers]
}

run "a_timer_called_tick" {
  command = plan
  variables {
    timers = { tick = { cron = "0 0 2 * * *", spec = "{}", enabled = true } }
  }
  expect_failures = [var.timers]
}

run "too_long_a_spec" {
  command = plan
  variables {
    timers = {
      nightly = {
        cron    = "0 0 2 * * *"
        spec    = jsonencode({ spec = join("", [for number in range(512) : "1234"]) })
        enabled = true
      }
    }
  }
  expect_failures = [var.timers]
}

run "too_many_timers" {
  command = plan
  variables {
    timers = {
      for number in range(9) :
      "nightly-${number}" => { cron = "0 0 2 * * *", spec = "{}", enabled = true }
    }
  }
  expect_failures = [var.timers]
}

run "a_tick_too_rare" {
  command = plan
  variables {
    tick_minutes = 31
  }
  expect_failures = [var.tick_minutes]
}

run "a_database_without_a_password" {
  command = plan
  variables {
    database_address = "postgresql://nightdrop:@10.83.0.10:5432/nightdrop"
  }
  expect_failures = [var.database_address]
}

run "names_that_are_none" {
  command = plan
  variables {
    name          = "8 letters"
    bucket_prefix = "Depots_"
  }
  expect_failures = [var.name, var.bucket_prefix]
}

run "a_policy_is_read_from_the_log_bucket" {
  variables {
    policy = "rules: [{}]"
  }
  assert {
    condition     = jsondecode(output.user_data).NIGHTDROP_POLICY == "obs://depots-log/policy/policy.yaml"
    error_message = "It is where nobody drops anything."
  }
}

run "a_policy_that_is_none_is_refused" {
  command = plan
  variables {
    policy = "everything is allowed"
  }
  expect_failures = [var.policy]
}

run "notices_go_to_a_topic" {
  variables {
    topic   = "urn:smn:cn-north-4:0b1c2d3e4f5061728394a5b6c7d8e9f0:nightdrop-given-up"
    summary = "CRON_TZ=Asia/Shanghai 0 0 7 * * *"
  }
  assert {
    condition     = endswith(jsondecode(output.user_data).NIGHTDROP_NOTIFY, ":nightdrop-given-up")
    error_message = "The function publishes to the topic."
  }
  assert {
    condition     = jsondecode(jsondecode(output.timers.summary.event_data).user_event).action == "summary"
    error_message = "A timer asks for the summary."
  }
}

run "a_webhook_is_a_secret" {
  variables {
    webhook = { url = "https://hooks.example.com/T0/x", key = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz" }
  }
  assert {
    condition     = !contains(keys(jsondecode(output.user_data)), "NIGHTDROP_NOTIFY")
    error_message = "Its path may be one."
  }
  assert {
    condition     = strcontains(nonsensitive(output.secret_user_data), "hooks.example.com")
    error_message = "It is kept encrypted."
  }
}

run "a_webhook_without_a_key_is_refused" {
  command = plan
  variables {
    webhook = { url = "https://hooks.example.com/T0/x", key = "" }
  }
  expect_failures = [var.webhook]
}

run "a_webhook_beside_a_topic_is_refused" {
  command = plan
  variables {
    topic   = "urn:smn:cn-north-4:0b1c2d3e4f5061728394a5b6c7d8e9f0:nightdrop-given-up"
    webhook = { url = "https://hooks.example.com/T0/x", key = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz" }
  }
  expect_failures = [var.webhook]
}

run "a_summary_at_no_time_is_refused" {
  command = plan
  variables {
    summary = "07:00"
  }
  expect_failures = [var.summary]
}
