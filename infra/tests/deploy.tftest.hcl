# Needs the provider's schema, but no account: every resource is mocked. Run: terraform test.

mock_provider "huaweicloud" {}

variables {
  region        = "cn-north-4"
  bucket_prefix = "depots"
  package       = "tests/deploy.tftest.hcl" # any file will do
}

run "the_least" {
  command = plan

  assert {
    condition     = huaweicloud_fgs_function.nightdrop.handler == "index.handler"
    error_message = "The function begins in the zip's entry file."
  }
  assert {
    condition     = length(huaweicloud_fgs_function_trigger.timer) == 1
    error_message = "Without schedules there is the tick alone."
  }
  assert {
    condition     = length(huaweicloud_rds_instance.nightdrop) == 0
    error_message = "No database is run unless one is asked for."
  }
  assert {
    condition     = huaweicloud_obs_bucket.drop.versioning && !huaweicloud_obs_bucket.log.versioning
    error_message = "What is dropped has versions; the log, with its outbox, has none."
  }
}

run "everything" {
  command = plan

  variables {
    alarm_email = "operations@example.com"
    notices     = true
    summary     = "CRON_TZ=Asia/Shanghai 0 0 7 * * *"
    timers = {
      nightly = { cron = "0 0 2 * * *", spec = "{\"spec\": \"obs://depots-drop/standing/a.yaml\"}" }
    }
    eventgrid = { channel_id = "c", channel_name = "default", agency = "nightdrop-eventgrid" }
    database  = { flavor = "rds.pg.n1.large.2", availability_zone = "cn-north-4a" }

    database_password = "Mocked-0"
    function_password = "Mocked-1"
  }

  assert {
    condition     = length(huaweicloud_fgs_function_trigger.timer) == 3
    error_message = "A schedule, the tick and the summary."
  }
  assert {
    condition     = length(huaweicloud_fgs_function_trigger.drop_eventgrid) == 1
    error_message = "The drop bucket is watched through EventGrid."
  }
  assert {
    condition     = length(huaweicloud_nat_snat_rule.way_out) == 1
    error_message = "In a VPC the function has no way to IEF and OBS of its own."
  }
  assert {
    condition     = length(huaweicloud_smn_subscription.email) == 1
    error_message = "Somebody is told of events that were given up."
  }
}
