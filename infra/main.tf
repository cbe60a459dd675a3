# The function, its settings, where its log lines go, and the topic of given-up events and notices.

module "shape" {
  source = "./shape"

  region              = var.region
  project_id          = var.project_id
  name                = var.name
  bucket_prefix       = var.bucket_prefix
  runtime             = var.runtime
  memory_size         = var.memory_size
  timeout             = var.timeout
  initializer_timeout = var.initializer_timeout
  max_instances       = var.max_instances
  drop_prefix         = var.drop_prefix
  spec_days           = var.spec_days
  results_bucket      = var.results_bucket
  results_prefix      = var.results_prefix
  policy              = var.policy
  timers              = var.timers
  tick_minutes        = var.tick_minutes
  eventgrid           = var.eventgrid
  obs_events          = var.obs_events
  retries             = var.retries
  event_age           = var.event_age
  settings            = var.settings
  topic               = var.notices ? huaweicloud_smn_topic.given_up.topic_urn : ""
  webhook             = var.webhook
  summary             = var.summary
  checkpoint_key      = var.checkpoint_key
  database_address    = local.database_address
  in_vpc              = var.database != null
}

resource "huaweicloud_fgs_function" "nightdrop" {
  name                  = var.name
  app                   = "default"
  description           = "Timer ticks and dropped files become batch jobs on the edge fleet"
  functiongraph_version = "v2"
  runtime               = var.runtime
  handler               = module.shape.handler.handler
  initializer_handler   = module.shape.handler.initializer
  initializer_timeout   = var.initializer_timeout
  memory_size           = var.memory_size
  timeout               = var.timeout
  max_instance_num      = tostring(var.max_instances)
  agency                = huaweicloud_identity_agency.nightdrop.name

  code_type     = "zip"
  code_filename = "nightdrop.zip"
  func_code     = filebase64(var.package)

  user_data           = module.shape.user_data
  encrypted_user_data = module.shape.secret_user_data

  vpc_id     = one(huaweicloud_vpc.nightdrop[*].id)
  network_id = one(huaweicloud_vpc_subnet.nightdrop[*].id)

  enable_lts_log = true
  log_group_id   = huaweicloud_lts_group.nightdrop.id
  log_stream_id  = huaweicloud_lts_stream.nightdrop.id

  tags = var.tags
}

resource "huaweicloud_lts_group" "nightdrop" {
  group_name  = var.name
  ttl_in_days = var.log_days
  tags        = var.tags
}

resource "huaweicloud_lts_stream" "nightdrop" {
  group_id    = huaweicloud_lts_group.nightdrop.id
  stream_name = var.name
  ttl_in_days = var.log_days
}

resource "huaweicloud_fgs_async_invoke_configuration" "nightdrop" {
  function_urn                   = huaweicloud_fgs_function.nightdrop.urn
  max_async_event_age_in_seconds = var.event_age
  max_async_retry_attempts       = var.retries
  enable_async_status_log        = true

  on_failure {
    destination = "SMN"
    param       = jsonencode({ topic_urn = huaweicloud_smn_topic.given_up.topic_urn })
  }
}

resource "huaweicloud_smn_topic" "given_up" {
  name         = "${var.name}-given-up"
  display_name = "Nightdrop"
  tags         = var.tags
}

resource "huaweicloud_smn_subscription" "email" {
  count = var.alarm_email == "" ? 0 : 1

  topic_urn = huaweicloud_smn_topic.given_up.topic_urn
  protocol  = "email"
  endpoint  = var.alarm_email
}
