//! Documents, the stream and the verbs over HTTP.
