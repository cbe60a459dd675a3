# What the resources are made of: settings, triggers and policies, as plain values.

locals {
  drop        = "${var.bucket_prefix}-drop"
  results     = var.results_bucket == "" ? "${var.bucket_prefix}-results" : var.results_bucket
  log         = "${var.bucket_prefix}-log"
  checkpoints = "${var.bucket_prefix}-checkpoints"

  log_prefix        = "audit/"
  outbox            = "${local.log_prefix}outbox/"
  policy_prefix     = "policy/"
  checkpoint_prefix = "heads/"

  # Of all that is secret, only whether it is given is not.
  in_database = nonsensitive(var.database_address != "")
  is_signed   = nonsensitive(var.checkpoint_key != "")
  has_webhook = nonsensitive(var.webhook != null)

  user_data = merge(
    {
      NIGHTDROP_REGION         = var.region
      NIGHTDROP_BUCKETS        = local.drop
      NIGHTDROP_PREFIX         = var.drop_prefix
      NIGHTDROP_RESULTS        = "obs://${local.results}/${var.results_prefix}"
      NIGHTDROP_CHECKPOINTS    = "obs://${local.checkpoints}/${local.checkpoint_prefix}"
      NIGHTDROP_EVENTGRID_KEYS = "encoded"
    },
    var.project_id == "" ? {} : { NIGHTDROP_PROJECT_ID = var.project_id },
    var.policy == "" ? {} : { NIGHTDROP_POLICY = "obs://${local.log}/${local.policy_prefix}policy.yaml" },
    var.topic == "" ? {} : { NIGHTDROP_NOTIFY = var.topic },
    local.in_database ? {} : { NIGHTDROP_AUDIT = "obs://${local.log}/${local.log_prefix}" },
    var.settings,
  )
  secret_user_data = merge(
    local.in_database ? { NIGHTDROP_AUDIT = var.database_address } : {},
    local.is_signed ? { NIGHTDROP_CHECKPOINT_KEY = var.checkpoint_key } : {},
    local.has_webhook ? { # the path of a webhook is often a secret
      NIGHTDROP_NOTIFY     = var.webhook.url
      NIGHTDROP_NOTIFY_KEY = var.webhook.key
    } : {},
  )

  timers = {
    for name, timer in var.timers : name => {
      enabled = timer.enabled
      event_data = jsonencode({
        name          = name
        schedule_type = "Cron"
        schedule      = timer.cron
        user_event    = timer.spec
      })
    }
  }
  tick = {
    enabled = true
    event_data = jsonencode({
      name          = "tick"
      schedule_type = "Rate"
      schedule      = "${var.tick_minutes}m"
      user_event    = jsonencode({ action = "reconcile" })
    })
  }

  summary = {
    enabled = true
    event_data = jsonencode({
      name          = "summary"
      schedule_type = "Cron"
      schedule      = var.summary
      user_event    = jsonencode({ action = "summary" })
    })
  }

  classic = {
    type = "OBS"
    event_data = jsonencode({
      bucket = local.drop
      events = var.obs_events
      name   = "${var.name}-drop"
      prefix = var.drop_prefix
      suffix = ""
    })
  }
  eventgrid = {
    type = "EVENTGRID"
    event_data = jsonencode({
      channel_id   = var.eventgrid == null ? "" : var.eventgrid.channel_id
      channel_name = var.eventgrid == null ? "" : var.eventgrid.channel_name
      source_name  = "HC.OBS.DWR"
      trigger_name = "${var.name}-drop"
      agency       = var.eventgrid == null ? "" : var.eventgrid.agency
      bucket       = local.drop
      event_types = [
        for how in ["PUT", "POST", "COPY", "CompleteMultipartUpload"] : "OBS:DWR:ObjectCreated:${how}"
      ]
      Key_encode = true
    })
  }

  # OBS is global, everything else belongs to a project: two roles.
  bucket_statements = concat(
    [
      {
        Effect   = "Allow"
        Action   = ["obs:bucket:ListBucket"]
        Resource = [for bucket in local.listed : "OBS:*:*:bucket:${bucket}"]
      },
      {
        Effect   = "Allow"
        Action   = ["obs:object:GetObject", "obs:object:GetObjectVersion"]
        Resource = ["OBS:*:*:object:${local.drop}/*"]
      },
      {
        Effect   = "Allow"
        Action   = ["obs:object:PutObject"]
        Resource = ["OBS:*:*:object:${local.results}/${var.results_prefix}*"]
      },
      {
        Effect   = "Allow"
        Action   = ["obs:object:GetObject", "obs:object:PutObject"]
        Resource = ["OBS:*:*:object:${local.checkpoints}/${local.checkpoint_prefix}*"]
      },
    ],
    var.policy == "" ? [] : [
      {
        Effect   = "Allow"
        Action   = ["obs:object:GetObject"]
        Resource = ["OBS:*:*:object:${local.log}/${local.policy_prefix}*"]
      },
    ],
    local.in_database ? [] : [
      {
        Effect   = "Allow"
        Action   = ["obs:object:GetObject", "obs:object:PutObject"]
        Resource = ["OBS:*:*:object:${local.log}/${local.log_prefix}*"]
      },
      {
        Effect   = "Allow"
        Action   = ["obs:object:DeleteObject"]
        Resource = ["OBS:*:*:object:${local.log}/${local.outbox}*"]
      },
    ],
  )
  listed = concat([local.drop, local.checkpoints], local.in_database ? [] : [local.log])

  project_actions = concat(
    ["ief:batchjob:create", "ief:batchjob:list", "ief:batchjob:get", "ief:node:list"],
    ["ief:batchjob:update", "ief:batchjob:delete"],
    ["smn:topic:publish"],
    var.in_vpc ? [
      "vpc:ports:create", "vpc:ports:delete", "vpc:ports:get", "vpc:ports:update",
      "vpc:subnets:get", "vpc:vpcs:get", "vpc:securityGroups:get",
    ] : [],
  )
}
