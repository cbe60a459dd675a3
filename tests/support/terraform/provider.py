"""What the provider's resources take and give: by hand, from its documentation at 1.97.1."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Schema:
    """The arguments and attributes of a resource or block.

    Attributes:
        required: Arguments and blocks that it must have.
        optional: Those it may have.
        blocks: The blocks among them.
        attributes: What can be read from it beside its arguments.
    """

    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    blocks: Mapping[str, Schema] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset({"id"})

    @property
    def known(self) -> frozenset[str]:
        """Every argument and block."""
        return self.required | self.optional | self.blocks.keys()


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _schema(required: str, optional: str = "", gives: str = "", **blocks: Schema) -> Schema:
    return Schema(_names(required), _names(optional), blocks, _names(f"id {gives}"))


META = _names("count for_each depends_on lifecycle provider")
"""Arguments that Terraform itself gives every resource."""

RESOURCES: Mapping[str, Schema] = {
    "huaweicloud_fgs_function": _schema(
        # app, handler and code_type are optional to the provider and needed by the service.
        "name memory_size runtime timeout app handler code_type",
        "region description functiongraph_version func_code code_url code_filename depend_list "
        "user_data encrypted_user_data agency app_agency initializer_handler initializer_timeout "
        "enterprise_project_id vpc_id network_id dns_list mount_user_id mount_user_group_id "
        "max_instance_num tags enable_lts_log log_group_id log_group_name log_stream_id "
        "log_stream_name ephemeral_storage lts_custom_tag enable_dynamic_memory",
        "urn version",
        versions=_schema("name", "description aliases"),
        reserved_instances=_schema("qualifier_type qualifier_name count", "idle_mode"),
        func_mounts=_schema("mount_type mount_resource mount_share_path local_mount_path"),
    ),
    "huaweicloud_fgs_function_trigger": _schema(
        "function_urn type event_data", "region status cascade_delete_eg_subscription"
    ),
    "huaweicloud_fgs_async_invoke_configuration": _schema(
        "function_urn max_async_event_age_in_seconds max_async_retry_attempts",
        "region enable_async_status_log",
        on_success=_schema("destination param"),
        on_failure=_schema("destination param"),
    ),
    "huaweicloud_identity_agency": _schema(
        "name",
        "description delegated_domain_name delegated_service_name duration domain_roles "
        "all_resources_roles",
        "expire_time create_time",
        project_role=_schema("project roles"),
    ),
    "huaweicloud_identity_role": _schema("name description type policy", gives="references"),
    "huaweicloud_obs_bucket": _schema(
        "bucket",
        "storage_class acl policy policy_format tags versioning quota force_destroy region "
        "parallel_fs multi_az encryption sse_algorithm kms_key_id kms_key_project_id "
        "bucket_key_enabled enterprise_project_id",
        "bucket_domain_name",
        logging=_schema("target_bucket agency", "target_prefix"),
        lifecycle_rule=_schema(
            "name enabled",
            "prefix",
            expiration=_schema("days"),
            noncurrent_version_expiration=_schema("days"),
        ),
    ),
    "huaweicloud_obs_bucket_object": _schema(
        "bucket key",
        "region source content acl storage_class encryption kms_key_id sse_kms_key_id etag "
        "content_type tags",
        "size version_id",
    ),
    "huaweicloud_obs_bucket_bpa": _schema(
        "bucket",
        "region block_public_acls ignore_public_acls block_public_policy restrict_public_buckets",
    ),
    "huaweicloud_lts_group": _schema("group_name ttl_in_days", "region tags enterprise_project_id"),
    "huaweicloud_lts_stream": _schema(
        "group_id stream_name", "region ttl_in_days tags enterprise_project_id is_favorite"
    ),
    "huaweicloud_smn_topic": _schema(
        "name",
        "region display_name users_publish_allowed services_publish_allowed introduction tags "
        "enterprise_project_id",
        "topic_urn",
    ),
    "huaweicloud_smn_subscription": _schema("topic_urn protocol endpoint", "region remark"),
    "huaweicloud_vpc": _schema("name cidr", "region description tags enterprise_project_id"),
    "huaweicloud_vpc_subnet": _schema(
        "name cidr gateway_ip vpc_id",
        "region availability_zone description ipv6_enable dhcp_enable primary_dns secondary_dns "
        "dns_list tags",
        "subnet_id",
    ),
    "huaweicloud_networking_secgroup": _schema(
        "name", "region description enterprise_project_id delete_default_rules tags"
    ),
    "huaweicloud_networking_secgroup_rule": _schema(
        "security_group_id direction ethertype",
        "region description protocol port_range_min port_range_max ports remote_ip_prefix "
        "remote_group_id action priority",
    ),
    "huaweicloud_vpc_eip": _schema(
        "publicip bandwidth",
        "region name charging_mode enterprise_project_id tags",
        "address",
        publicip=_schema("", "type ip_address ip_version"),
        bandwidth=_schema("share_type", "name size id charge_mode"),
    ),
    "huaweicloud_nat_gateway": _schema(
        "name spec vpc_id subnet_id", "region description enterprise_project_id tags"
    ),
    "huaweicloud_nat_snat_rule": _schema(
        "nat_gateway_id", "region floating_ip_id subnet_id cidr source_type description"
    ),
    "huaweicloud_rds_instance": _schema(
        "name flavor availability_zone vpc_id subnet_id security_group_id db volume",
        "region fixed_ip ha_replication_mode param_group_id time_zone charging_mode ssl_enable "
        "description tags enterprise_project_id",
        "private_ips status",
        db=_schema("type version", "password port"),
        volume=_schema("type size", "disk_encryption_id limit_size trigger_threshold"),
        backup_strategy=_schema("start_time keep_days", "period"),
    ),
    "huaweicloud_rds_pg_database": _schema(
        "instance_id name", "region owner template character_set lc_collate lc_ctype description"
    ),
    "huaweicloud_rds_pg_account": _schema("instance_id name password", "region description"),
}

LIFECYCLE = _schema("", "prevent_destroy ignore_changes create_before_destroy")
"""Terraform's own block in every resource."""

EVENT_DATA: Mapping[str, frozenset[str]] = {
    "TIMER": _names("name schedule_type schedule user_event"),
    "OBS": _names("bucket events name prefix suffix"),
    "EVENTGRID": _names(
        "channel_id channel_name source_name trigger_name agency bucket event_types Key_encode"
    ),
}
"""The fields of `event_data`, by type of trigger."""
