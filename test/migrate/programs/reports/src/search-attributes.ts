import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

export const region = defineSearchAttributeKey('ReportRegion', SearchAttributeType.KEYWORD);
export const pages = defineSearchAttributeKey('ReportPages', SearchAttributeType.INT);
export const tags = defineSearchAttributeKey('ReportTags', SearchAttributeType.KEYWORD_LIST);
export const due = defineSearchAttributeKey('ReportDue', SearchAttributeType.DATETIME);
