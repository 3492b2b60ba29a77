(()=>{(function(i,o,y){"use strict";var l=o.currentScript||o.querySelector("script[data-key]"),_=i.zgoda||{};if(!l||_.key)return;
var m=l.getAttribute("data-key")||"",P=new URL(l.src,o.baseURI).origin,D=["utm_source","utm_medium","utm_campaign","utm_\
term","utm_content"].concat((l.getAttribute("data-query")||"").split(/[\s,]+/).filter(Boolean)),q=3e4,B=20,M=250,v=[],O=0,
k=0,A="",I="",u=null,N,L={},c=l.getAttribute("data-release")==="on"?[]:null,f;function V(){var e=new Uint8Array(16);return i.
crypto.getRandomValues(e),Array.from(e,r=>(r+256).toString(16).slice(1)).join("")}function R(e){var r=new URL(e,o.baseURI),
t=new URLSearchParams;D.forEach(n=>{r.searchParams.getAll(n).forEach(g=>{t.append(n,g)})});var a=t.toString();return r.origin+
r.pathname+(a?"?"+a:"")}function T(e){return(/^[a-z]{2,3}(-[a-z]{4})?(-[a-z]{2})?(?![^-])/i.exec(e||"")||[])[0]}function X(){
if(I||!o.referrer)return I;var e=new URL(o.referrer);return e.origin===i.location.origin?e.origin+e.pathname:e.origin+"/"}
function s(e){return(...r)=>{try{return e(...r)}catch(t){}}}function h(){if(i.clearTimeout(k),k=0,!!v.length){var e={key:m,
sentAt:new Date().toISOString(),events:v};y.globalPrivacyControl===!0&&(e.gpc=!0),u&&(e.consent=u),v=[],O=0;var r=JSON.stringify(
e),t=P+"/e";y.sendBeacon&&y.sendBeacon(t,new Blob([r],{type:"text/plain"}))||i.fetch(t,{method:"POST",body:r,credentials:"\
include",keepalive:r.length<q,headers:{"Content-Type":"text/plain"}}).catch(()=>{})}}function j(e,r){var t={type:e,messageId:V(),
timestamp:new Date().toISOString()};t.page={url:R(i.location.href)};var a=X();if(a&&(t.page.referrer=a),Object.keys(r).forEach(
n=>{r[n]!=null&&(t[n]=r[n])}),!c||e==="identify")return U(t);c.push(t),c.length>B&&U(c.shift(),f&&[])}function U(e,r){r&&
(e.released=r);var t=JSON.stringify(e).length;v.length&&O+t>q&&h(),v.push(e),O+=t,v.length>=B?h():k||(k=i.setTimeout(s(h),
M))}function S(e,r){var t=c||[];c=e&&c&&[],t.forEach(a=>{U(a,f&&(r||[]))})}function x(e){return Object.keys(e.purposes).
filter(r=>e.purposes[r].release)}function Y(){c&&p().then(s(e=>{var r=e?x(e):[];r.length?f=r:S()}))}function F(e,r){e&&j(
"track",{name:String(e),properties:r})}function z(e,r){A=R(i.location.href),j("page",{name:e&&String(e),properties:r})}function H(e,r,t){
if(e){var a={userId:String(e),properties:r,proof:(t||{}).proof};L=a.proof?a:{},p().then(s(n=>{n&&n.visitor&&j("identify",
a)}))}}function p(e){return i.fetch(P+"/consent"+(e?"":"?key="+encodeURIComponent(m)),{method:e?"POST":"GET",body:e,credentials:"\
include",cache:"no-store",headers:e?{"Content-Type":"text/plain"}:{}}).then(r=>r.ok?r.json():null).then(r=>(r&&(N=r.version),
r)).catch(()=>null)}function K(e,r){if(!e)return p();r=r||{},Object.keys(e).forEach(n=>{e[n]||(u=u||{},u[n]=!1,f&&(f=f.filter(
g=>g!==n)))}),(!f||!f.length)&&S(),h();var t=()=>r.version!=null?r.version:N,a=t()!=null?Promise.resolve():p();return a.
then(()=>p(JSON.stringify({key:m,choices:e,version:String(t()),userId:L.userId,proof:L.proof,locale:T(r.locale)||T(o.documentElement.
lang)||T(y.language),surface:r.surface||"dialogue"}))).then(n=>{if(!n)return n;if(Object.keys(e).forEach(E=>{e[E]&&u&&delete u[E]}),
u&&!Object.keys(u).length&&(u=null),c&&f){var g=x(n).filter(E=>f.includes(E));(g.length||n.visitor)&&S(!1,g)}return n})}
var d={track:F,page:z,identify:H,consent:K};function b(e,...r){return d[e]&&d[e](...r)}Object.keys(d).forEach(e=>{d[e]=b[e]=
s(d[e])}),b.key=m;var Q=_.q||[];i.zgoda=b;function C(e){S(e),h()}function G(){var e=R(i.location.href);e!==A&&(I=A.split(
"?")[0],z())}function J(){l.getAttribute("data-auto")!=="off"&&(z(),["pushState","replaceState"].forEach(e=>{var r=i.history[e];
i.history[e]=function(){var t=r.apply(this,arguments);return s(G)(),t}}),i.addEventListener("popstate",s(G))),Y(),Array.
from(Q).forEach(e=>{b(...e)}),o.addEventListener("visibilitychange",s(()=>{o.visibilityState==="hidden"&&C(!0)})),i.addEventListener(
"pagehide",s(()=>{C()}))}o.prerendering?o.addEventListener("prerenderingchange",s(J),{once:!0}):s(J)()})(window,document,
navigator);})();
